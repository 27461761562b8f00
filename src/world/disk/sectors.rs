//! What is written in a file, sector by sector.
//!
//! A sector holds a part of the very bytes that were handed to a write, so that a write copies nothing where it begins
//! with a sector, and remembering what a sector held costs a counted reference. The price is that a single sector which
//! is left of a large write keeps all of its bytes in memory. Where nothing was written there are zeros; they take none
//! but a word for every page of the file.

use bytes::Bytes;

use super::{FILE_BYTES_MAX, SECTOR_BYTES};

/// Sectors of a page.
const PAGE: usize = 64;

/// One sector.
#[derive(Debug)]
pub(super) struct Sector {
    /// What was written from the beginning of the sector on; zeros follow. Only the first [`SECTOR_BYTES`] of it are
    /// this sector's: a write of many sectors leaves in each of them all that it wrote from there on, so that a read
    /// finds it in one piece.
    run: Bytes,
    /// Its place among the dirty sectors of its file, or [`CLEAN`].
    pub dirty: u32,
}

/// The place of a sector that is not dirty.
pub(super) const CLEAN: u32 = u32::MAX;

/// Sectors of the largest file.
const SECTORS_MAX: u64 = FILE_BYTES_MAX / SECTOR_BYTES as u64;

const _: () = assert!(SECTORS_MAX * SECTOR_BYTES as u64 == FILE_BYTES_MAX, "the largest file ends with a sector");
const _: () = assert!(SECTORS_MAX.is_multiple_of(PAGE as u64), "the largest file ends with a page");
const _: () = assert!(SECTORS_MAX < CLEAN as u64, "no dirty sector has the place of those that are clean");

impl Sector {
    const EMPTY: Sector = Sector { run: Bytes::new(), dirty: CLEAN };

    /// Its bytes, without the zeros behind them.
    pub fn bytes(&self) -> &[u8] {
        own(&self.run)
    }

    /// What was written from its beginning on, which may go on beyond it.
    pub fn run(&self) -> &Bytes {
        &self.run
    }

    /// Puts something else there; what was there before.
    pub fn replace(&mut self, run: Bytes) -> Bytes {
        std::mem::replace(&mut self.run, run)
    }
}

/// The part of a run that belongs to the sector with which it begins.
pub(super) fn own(run: &[u8]) -> &[u8] {
    &run[..run.len().min(SECTOR_BYTES)]
}

/// The sectors of a file. All of them exist; those that were never written lie on pages that do not.
#[derive(Debug, Default)]
pub(super) struct Sectors {
    pages: Vec<Option<Box<[Sector; PAGE]>>>,
}

impl Sectors {
    /// A sector, if its page exists.
    #[inline]
    pub fn get(&self, sector: u64) -> Option<&Sector> {
        let page = self.pages.get(sector as usize / PAGE)?.as_deref()?;
        Some(&page[sector as usize % PAGE])
    }

    /// The same, to be changed.
    #[inline]
    pub fn get_mut(&mut self, sector: u64) -> Option<&mut Sector> {
        let page = self.pages.get_mut(sector as usize / PAGE)?.as_deref_mut()?;
        Some(&mut page[sector as usize % PAGE])
    }

    /// A sector whose page is made if it does not exist.
    #[inline]
    pub fn make(&mut self, sector: u64) -> &mut Sector {
        assert!(sector < SECTORS_MAX, "a sector lies within the largest file");
        let number = sector as usize / PAGE;
        if number >= self.pages.len() {
            self.pages.resize_with(number + 1, || None);
        }
        let page = self.pages[number].get_or_insert_with(|| Box::new([const { Sector::EMPTY }; PAGE]));
        &mut page[sector as usize % PAGE]
    }

    /// The numbers of the sectors from one on in which something is written, in order.
    pub fn written_from(&self, first: u64) -> impl Iterator<Item = u64> {
        let pages = self.pages.iter().enumerate().skip(first as usize / PAGE);
        let sectors = pages.filter_map(|(number, page)| Some((number * PAGE, page.as_deref()?)));
        let written = sectors.flat_map(|(start, page)| {
            page.iter().enumerate().filter(|(_, sector)| !sector.run.is_empty()).map(move |(at, _)| (start + at) as u64)
        });
        written.filter(move |sector| *sector >= first)
    }

    /// Forgets the pages from a sector on. To be called only where nothing is written and nothing dirty there.
    pub fn trim(&mut self, end: u64) {
        let pages = (end as usize).div_ceil(PAGE);
        if pages >= self.pages.len() {
            return;
        }
        for sector in self.pages.drain(pages..).flatten().flat_map(|page| *page) {
            assert!(sector.run.is_empty(), "what is written is not forgotten");
            assert_eq!(sector.dirty, CLEAN, "a sector of which something else is durable is not forgotten");
        }
    }

    /// Checks what holds between any two operations on a file that is so long: how many sectors are dirty.
    pub fn check(&self, length: u64) -> usize {
        assert!(self.pages.len() as u64 * PAGE as u64 <= SECTORS_MAX, "no page lies behind the largest file");
        let mut dirty = 0;
        for (number, page) in self.pages.iter().enumerate() {
            let sectors = page.iter().flat_map(|page| page.iter()).zip(number as u64 * PAGE as u64..);
            for (sector, number) in sectors {
                let left = length.saturating_sub(number * SECTOR_BYTES as u64);
                assert!(sector.bytes().len() as u64 <= left, "nothing is written behind the end");
                dirty += usize::from(sector.dirty != CLEAN);
            }
        }
        dirty
    }

    /// What lies in one piece from an offset on: at most so many bytes, and fewer, or none, where they are of several
    /// writes, where `ends` says that a sector ends it, or where zeros follow that nobody wrote.
    #[inline]
    pub fn piece(&self, offset: u64, most: usize, ends: impl Fn(&Sector) -> bool) -> Bytes {
        let (sector, at) = (offset / SECTOR_BYTES as u64, offset as usize % SECTOR_BYTES);
        let Some(first) = self.get(sector).filter(|first| !ends(first) && at < first.run.len()) else {
            return Bytes::new();
        };
        let run = &first.run;
        let mut end = run.len().min(at.saturating_add(most));
        for (next, known) in (sector + 1..).zip((SECTOR_BYTES..end).step_by(SECTOR_BYTES)) {
            // The bytes of a write never change while a sector holds on to them, so the same place is the same bytes.
            let same = |next: &&Sector| !ends(next) && next.run.as_ptr() == run[known..].as_ptr();
            end = end.min(known + self.get(next).filter(same).map_or(0, |next| next.run.len()));
            if end <= known {
                break;
            }
        }
        assert!(end >= at.min(SECTOR_BYTES) && end <= run.len(), "a piece lies within its run");
        run.slice(at..end.max(at))
    }

    /// Copies what lies from an offset on into zeros; `bytes_of` tells which bytes of a sector to take.
    pub fn fill<'a>(&'a self, offset: u64, into: &mut [u8], bytes_of: impl Fn(&'a Sector) -> &'a [u8]) {
        let end = offset + into.len() as u64;
        for number in sectors(offset, into.len()) {
            let Some(sector) = self.get(number) else { continue };
            let bytes = bytes_of(sector);
            let start = number * SECTOR_BYTES as u64;
            let (low, high) = (start.max(offset), (start + bytes.len() as u64).min(end));
            assert!(bytes.len() <= SECTOR_BYTES, "a sector has no more bytes than a sector");
            if low < high {
                let place = (low - offset) as usize..(high - offset) as usize;
                into[place].copy_from_slice(&bytes[(low - start) as usize..(high - start) as usize]);
            }
        }
    }
}

/// The numbers of the sectors of some bytes.
pub(super) fn sectors(offset: u64, length: usize) -> std::ops::Range<u64> {
    let sector = SECTOR_BYTES as u64;
    let end = offset + length as u64;
    if length == 0 { 0..0 } else { offset / sector..end.div_ceil(sector) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sectors with one write of three and a half of them, from the second on.
    fn written() -> (Sectors, Bytes) {
        let bytes: Bytes = (0..3 * SECTOR_BYTES + 256).map(|place| (place / 7) as u8).collect();
        let mut sectors = Sectors::default();
        for nth in 0..4 {
            sectors.make(1 + nth as u64).replace(bytes.slice(nth * SECTOR_BYTES..));
        }
        (sectors, bytes)
    }

    #[test]
    fn a_piece_goes_on_as_far_as_its_write_is_left() {
        let (mut sectors, bytes) = written();
        let piece = |sectors: &Sectors, offset, most| sectors.piece(offset, most, |_| false);
        assert_eq!(piece(&sectors, 0, 10), "", "nothing is written there");
        assert_eq!(piece(&sectors, 512, usize::MAX), bytes);
        assert_eq!(piece(&sectors, 700, 1000), bytes[188..1188]);
        assert_eq!(piece(&sectors, 700, 1000).as_ptr(), bytes[188..].as_ptr(), "nothing is copied");
        // Equal bytes at another place are no longer one piece, and cut ones end it.
        sectors.make(3).replace(Bytes::copy_from_slice(&bytes[1024..1536]));
        assert_eq!(piece(&sectors, 700, 1000), bytes[188..1024]);
        sectors.make(3).replace(bytes.slice(1024..1030));
        assert_eq!(piece(&sectors, 700, 1000), bytes[188..1030]);
        sectors.make(3).replace(Bytes::new());
        assert_eq!(piece(&sectors, 700, 1000), bytes[188..1024]);
        assert_eq!(piece(&sectors, 4 * 512 + 256, 10), "", "zeros follow");
    }

    #[test]
    fn memory_follows_what_is_written() {
        let mut sectors = Sectors::default();
        let last = FILE_BYTES_MAX / SECTOR_BYTES as u64 - 1;
        sectors.make(last).replace(Bytes::from_static(b"end"));
        assert_eq!(sectors.pages.iter().flatten().count(), 1);
        assert!(std::mem::size_of_val(&sectors.pages[..]) <= 1 << 18, "a word for each page");
        assert_eq!(sectors.written_from(0).collect::<Vec<_>>(), [last]);
        let mut bytes = [0; 4];
        sectors.fill(last * 512 + 1, &mut bytes, Sector::bytes);
        assert_eq!(&bytes, b"nd\0\0");
        sectors.make(last).replace(Bytes::new());
        sectors.trim(1);
        assert_eq!(sectors.pages.len(), 1);
    }
}
