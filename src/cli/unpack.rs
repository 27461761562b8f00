//! What is in a packed file: gzip and zstd, known by their first bytes.
//!
//! Both formats may hold several pieces one after the other (*members*, *frames*), as when packed files are appended to each
//! other or packed by several threads. All of them are read: half a history has another verdict than the whole.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// So much is read at a time.
const PIECE: usize = 1 << 20;

/// The content of a file, unpacked if it must be.
///
/// # Errors
/// Those of reading. A packed file that was cut off ends in [`io::ErrorKind::UnexpectedEof`].
pub(super) fn unpacked(mut raw: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let mut begin = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut begin)?;
    let is_gzip = begin.starts_with(&[0x1f, 0x8b]);
    let is_zstd = matches!(*begin, [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
    let whole: Whole = Cursor::new(begin).chain(raw);
    let content: Box<dyn Read> = if is_gzip {
        Box::new(Members::of(whole))
    } else if is_zstd {
        Box::new(Frames::of(whole))
    } else {
        Box::new(whole)
    };
    Ok(Box::new(BufReader::with_capacity(PIECE, content)))
}

type Whole = Chain<Cursor<Vec<u8>>, Box<dyn Read>>;

fn not_packed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "something that is not packed comes after its packed content")
}

/// The members of a gzip file, one after the other.
struct Members<R> {
    /// Of the member that is read; nothing after the last.
    decoder: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> Members<R> {
    fn of(source: R) -> Members<R> {
        Members { decoder: Some(GzDecoder::new(BufReader::with_capacity(PIECE, source))) }
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let length = decoder.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.decoder = match decoder.get_mut().fill_buf()?.first() {
                None => None,
                // Another one begins, or the beginning of one.
                Some(0x1f) => self.decoder.take().map(|decoder| GzDecoder::new(decoder.into_inner())),
                Some(_) => return Err(not_packed()),
            };
        }
        Ok(0)
    }
}

/// The frames of a zstd file, one after the other.
struct Frames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    /// The decoder is within a frame.
    is_begun: bool,
}

impl<R: Read> Frames<R> {
    fn of(source: R) -> Frames<R> {
        Frames { source: BufReader::with_capacity(PIECE, source), decoder: FrameDecoder::new(), is_begun: false }
    }

    /// Goes on to the next frame. False at the end of the file.
    fn begin(&mut self) -> io::Result<bool> {
        while let Some(first) = self.source.fill_buf()?.first() {
            if !matches!(first, 0x28 | 0x50..=0x5f) {
                return Err(not_packed());
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.is_begun = true;
                    return Ok(true);
                }
                // Whatever else somebody has put there.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(false)
    }

    /// The decoder tells of both in one way, but whoever has read everything and wants more has met the end.
    fn failed(&mut self, error: &dyn std::fmt::Display) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => io::Error::new(io::ErrorKind::InvalidData, format!("its packed content is damaged: {error}")),
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.is_begun || self.begin()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.failed(&error))?;
            }
            let length = self.decoder.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let promised = self.decoder.get_checksum_from_data();
            if promised.is_some() && promised != self.decoder.get_calculated_checksum() {
                let damaged = "its packed content is damaged: the checksum does not fit";
                return Err(io::Error::new(io::ErrorKind::InvalidData, damaged));
            }
            self.is_begun = false;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(packed: Vec<u8>) -> Result<String, io::ErrorKind> {
        let mut text = String::new();
        let read = unpacked(Box::new(Cursor::new(packed))).and_then(|mut content| content.read_to_string(&mut text));
        read.map(|_| text).map_err(|error| error.kind())
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(text.as_bytes()).expect("memory can be written to");
        packer.finish().expect("memory can be written to")
    }

    fn zstd(text: &str) -> Vec<u8> {
        compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
    }

    #[test]
    fn what_is_packed_in_pieces_is_read_to_the_end() {
        for pack in [gzip, zstd] {
            assert_eq!(read(pack("one\n")), Ok("one\n".to_owned()));
            assert_eq!(read([pack("one\n"), pack(""), pack("two\n")].concat()), Ok("one\ntwo\n".to_owned()));
            assert_eq!(read([pack("one\n"), b"x".to_vec()].concat()), Err(io::ErrorKind::InvalidData));
        }
        assert_eq!(read(b"one\n".to_vec()), Ok("one\n".to_owned()));
        assert_eq!(read(Vec::new()), Ok(String::new()));
    }

    #[test]
    fn frames_that_are_none_are_passed_over() {
        let other = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        assert_eq!(read([other.clone(), zstd("one\n"), other.clone()].concat()), Ok("one\n".to_owned()));
        assert_eq!(read([zstd("one\n"), other[..9].to_vec()].concat()), Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn what_was_cut_off_is_told_from_what_is_damaged() {
        let text: String = (0..2_000).map(|number| format!("{number}\n")).collect();
        for pack in [gzip, zstd] {
            let packed = pack(&text);
            for length in [5, packed.len() / 2, packed.len() - 1] {
                assert_eq!(read(packed[..length].to_vec()), Err(io::ErrorKind::UnexpectedEof), "{length} bytes");
            }
            let mut damaged = packed.clone();
            damaged[packed.len() / 2] ^= 0x55;
            let kind = read(damaged).expect_err("it is damaged");
            assert!(kind != io::ErrorKind::UnexpectedEof, "{kind}");
        }
    }
}
