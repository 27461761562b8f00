//! Reading what may be misread.
//!
//! A read may fail and succeed the next time, or give the bytes of another place and nobody notices. So everything that a
//! restart relies upon is read several times, until one result leads clearly. To fail counts as a result: of a sector that
//! cannot be read, a good reading is likely to be that of another place.
//!
//! Where checksums tell that everything is in its place, one reading is enough. Mostly it is.

use bytes::Bytes;

use crate::base::Label;
use crate::env::File;

use super::ring::SECTOR_SIZE;

/// How often a sector is read at most; mostly [`AGREED`] times.
pub const READS: usize = 24;

/// So many equal readings are enough if there are no others.
const AGREED: usize = 3;

/// So far ahead of all others a result must be otherwise.
const LEAD: usize = 5;

/// What stands for the bytes of a sector that cannot be read, or is not there.
const UNREADABLE: u8 = 0xff;

/// Bytes read at once.
const PIECE: usize = 512 * SECTOR_SIZE;

const _: () = assert!(AGREED > 1);
// A result that was misread as often as would have been enough can still come to lead.
const _: () = assert!(2 * AGREED + LEAD <= READS);

/// The first `length` bytes of a file, whole sectors.
pub async fn read(file: &File, length: usize, label: impl Fn(u64) -> Label) -> Vec<u8> {
    assert!(length.is_multiple_of(SECTOR_SIZE), "whole sectors are read");
    assert!(length > 0, "there is something to read");
    let mut sectors: Vec<Sector> = Vec::new();
    sectors.resize_with(length / SECTOR_SIZE, Sector::default);
    for _ in 0..READS {
        for first in (0..length).step_by(PIECE) {
            read_piece(file, first, &mut sectors[first / SECTOR_SIZE..], &label).await;
        }
        if sectors.iter().all(Sector::is_settled) {
            break;
        }
    }
    let mut bytes = Vec::with_capacity(length);
    sectors.iter().for_each(|sector| sector.append_to(&mut bytes));
    assert_eq!(bytes.len(), length, "every byte has its place");
    bytes
}

/// The first `length` bytes of a file, read once; `None` if that fails, or the file is shorter. They may be those of another place.
pub async fn read_once(file: &File, length: usize, label: impl Fn(u64) -> Label) -> Option<Bytes> {
    assert!(length.is_multiple_of(SECTOR_SIZE), "whole sectors are read");
    assert!(length > 0, "there is something to read");
    let mut whole = Vec::new();
    for first in (0..length).step_by(PIECE) {
        let size = PIECE.min(length - first);
        let piece = file.read_at(label(first as u64), first as u64, size as u64).await.ok()?;
        if piece.len() < size {
            return None;
        }
        assert!(piece.len() <= size, "a file never gives more than was asked for");
        if size == length {
            return Some(piece);
        }
        whole.extend_from_slice(&piece);
    }
    assert_eq!(whole.len(), length, "every byte has its place");
    Some(whole.into())
}

/// What was read of a sector, and how often; `None` where the reading failed.
#[derive(Default)]
struct Sector(Vec<(Option<Bytes>, usize)>);

impl Sector {
    fn note(&mut self, result: Option<Bytes>) {
        assert!(result.as_ref().is_none_or(|bytes| bytes.len() <= SECTOR_SIZE), "a sector is a sector");
        if self.is_settled() {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == result) {
            Some((_, count)) => *count += 1,
            None => self.0.push((result, 1)),
        }
        // The most frequent first, and the order in which they came otherwise.
        self.0.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let readings: usize = self.0.iter().map(|(_, count)| count).sum();
        assert!(readings <= READS, "no sector is read more often");
    }

    fn is_settled(&self) -> bool {
        match self.0.as_slice() {
            [] => false,
            [(_, count)] => *count >= AGREED,
            [(_, first), (_, second), ..] => {
                assert!(first >= second, "the most frequent comes first");
                *first >= second + LEAD
            }
        }
    }

    fn append_to(&self, whole: &mut Vec<u8>) {
        assert!(!self.0.is_empty(), "every sector was read, if only to find that it cannot be");
        let end = whole.len() + SECTOR_SIZE;
        if let Some((Some(bytes), _)) = self.0.first().filter(|_| self.is_settled()) {
            whole.extend_from_slice(bytes);
        }
        whole.resize(end, UNREADABLE);
        assert!(whole.len().is_multiple_of(SECTOR_SIZE), "sectors follow one another");
    }
}

async fn read_piece(file: &File, first: usize, sectors: &mut [Sector], label: &impl Fn(u64) -> Label) {
    assert!(first.is_multiple_of(SECTOR_SIZE), "whole sectors are read");
    assert!(!sectors.is_empty(), "there is something to read");
    let count = sectors.len().min(PIECE / SECTOR_SIZE);
    let at = first as u64;
    if let Ok(bytes) = file.read_at(label(at), at, (count * SECTOR_SIZE) as u64).await {
        assert!(bytes.len() <= count * SECTOR_SIZE, "a file never gives more than was asked for");
        for (sector, place) in sectors[..count].iter_mut().zip((0..).step_by(SECTOR_SIZE)) {
            let part = place.min(bytes.len())..bytes.len().min(place + SECTOR_SIZE);
            sector.note(Some(bytes.slice(part)));
        }
        return;
    }
    // One bad sector, most likely: the others are not given up for it.
    for (sector, place) in sectors[..count].iter_mut().zip((at..).step_by(SECTOR_SIZE)) {
        sector.note(file.read_at(label(place), place, SECTOR_SIZE as u64).await.ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settles_on(results: &[Option<&'static [u8]>]) -> Option<u8> {
        let mut sector = Sector::default();
        results.iter().for_each(|result| sector.note(result.map(Bytes::from_static)));
        let mut bytes = Vec::new();
        sector.append_to(&mut bytes);
        sector.is_settled().then(|| bytes[0])
    }

    #[test]
    fn what_leads_clearly_counts() {
        let (good, other) = (Some(&b"g"[..]), Some(&b"o"[..]));
        assert_eq!(settles_on(&[good, good]), None);
        assert_eq!(settles_on(&[good, good, good]), Some(b'g'));
        assert_eq!(settles_on(&[None, None, None]), Some(UNREADABLE));
        assert_eq!(settles_on(&[other, good, good, good]), None);
        assert_eq!(settles_on(&[other, good, good, good, good, good, good]), Some(b'g'));
        assert_eq!(settles_on(&[None, other, None, other, None, None, None, None, None]), Some(UNREADABLE));
    }
}
