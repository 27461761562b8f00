//! What goes wrong with one operation of a disk, in the words of plans.

use std::fmt;
use std::str::FromStr;

/// What goes wrong with one operation of a disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mishap {
    /// The disk is full, and the write does nothing: `full r1 disk write(slot5) #1`.
    Full,
    /// The write is acknowledged and never done: `lose r1 disk write(slot5) #1`.
    Lose,
    /// The write, or the read, begins in this sector of the file rather than in its own:
    /// `misdirect r1 disk write(slot5) #1 to sector 12`.
    Misdirect(u64),
    /// This bit of what was written goes bad: `rot r1 disk write(slot5) #1 bit 77`.
    RotBit(u64),
    /// These bits of one byte of what was written go bad: `rot r1 disk write(slot5) #1 byte 9 bits 255`.
    RotByte {
        /// Which byte, counted from the first that was written.
        byte: u64,
        /// Which bits of it; the lowest counts 1.
        bits: u8,
    },
    /// This sector of those that were written cannot be read: `unreadable r1 disk write(slot5) #1 sector 0`.
    Unreadable(u64),
    /// The read or the sync fails: `fail r1 disk sync-journal #3`.
    Fail,
    /// The sync is said to be good and does nothing: `lie r1 disk sync-journal #2`.
    Lie,
}

/// Of so many sectors the largest file has.
const SECTORS_MAX: u64 = crate::world::disk::FILE_BYTES_MAX / crate::world::disk::SECTOR_BYTES as u64;

/// The verbs, in the order in which they are told.
pub const VERBS: [&str; 7] = ["full", "lose", "misdirect", "rot", "unreadable", "fail", "lie"];

impl Mishap {
    /// The verb with which a deviation begins.
    pub fn verb(self) -> &'static str {
        match self {
            Mishap::Full => "full",
            Mishap::Lose => "lose",
            Mishap::Misdirect(_) => "misdirect",
            Mishap::RotBit(_) | Mishap::RotByte { .. } => "rot",
            Mishap::Unreadable(_) => "unreadable",
            Mishap::Fail => "fail",
            Mishap::Lie => "lie",
        }
    }

    /// Whether the disk says that something was done which was not. No protocol survives many disks that do.
    pub fn is_lie(self) -> bool {
        matches!(self, Mishap::Lose | Mishap::Misdirect(_) | Mishap::Lie)
    }

    /// Reads what stands behind the verb: the name of the operation, and what goes wrong with it.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse<'a>(verb: &str, rest: &'a str) -> Result<(&'a str, Mishap), String> {
        let text = || format!("`{verb} {rest}`");
        let number = |digits: &str, what: &str| {
            digits.parse::<u64>().map_err(|_| format!("{} lacks a number after `{what}`", text()))
        };
        let sector = |digits: &str, what: &str| match number(digits, what)? {
            sector if sector < SECTORS_MAX => Ok(sector),
            sector => Err(format!("{sector} in {} is beyond the end of any file", text())),
        };
        let split = |word: &str| rest.rsplit_once(&format!(" {word} "));
        match verb {
            "full" => Ok((rest, Mishap::Full)),
            "lose" => Ok((rest, Mishap::Lose)),
            "fail" => Ok((rest, Mishap::Fail)),
            "lie" => Ok((rest, Mishap::Lie)),
            "misdirect" => {
                let (name, digits) = split("to sector").ok_or_else(|| format!("{} lacks `to sector`", text()))?;
                Ok((name, Mishap::Misdirect(sector(digits, "to sector")?)))
            }
            "unreadable" => {
                let (name, digits) = split("sector").ok_or_else(|| format!("{} lacks `sector`", text()))?;
                Ok((name, Mishap::Unreadable(sector(digits, "sector")?)))
            }
            "rot" => match (split("byte"), split("bit")) {
                (Some((name, spot)), _) => {
                    let (byte, bits) = spot.split_once(" bits ").ok_or_else(|| format!("{} lacks `bits`", text()))?;
                    let bits = match bits.parse::<u8>() {
                        Ok(bits) if bits > 0 => bits,
                        _ => return Err(format!("{} lacks a number from 1 to 255 after `bits`", text())),
                    };
                    Ok((name, Mishap::RotByte { byte: number(byte, "byte")?, bits }))
                }
                (None, Some((name, bit))) => Ok((name, Mishap::RotBit(number(bit, "bit")?))),
                (None, None) => Err(format!("{} lacks `bit` or `byte`", text())),
            },
            other => Err(format!("`{other}` goes wrong with nothing")),
        }
    }
}

/// What stands behind the name of the operation.
impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mishap::Misdirect(sector) => write!(f, " to sector {sector}"),
            Mishap::RotBit(bit) => write!(f, " bit {bit}"),
            Mishap::RotByte { byte, bits } => write!(f, " byte {byte} bits {bits}"),
            Mishap::Unreadable(sector) => write!(f, " sector {sector}"),
            Mishap::Full | Mishap::Lose | Mishap::Fail | Mishap::Lie => Ok(()),
        }
    }
}

const _: () = assert!(MishapKind::are_in_order(), "every sort of mishap has its place in the table of words");
const _: () = assert!(MishapKind::LyingSync as usize + 1 == MishapKind::WORDS.len(), "every sort has a word");

/// A sort of mishap, as a scenario file calls it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MishapKind {
    /// A bit of what was written goes bad.
    RotBit,
    /// A byte does.
    RotByte,
    /// A sector that was written cannot be read.
    Unreadable,
    /// A write lands elsewhere in its file.
    MisdirectedWrite,
    /// A write is acknowledged and never done.
    LostWrite,
    /// The disk is full.
    NoSpace,
    /// A read gives what lies elsewhere in its file.
    MisdirectedRead,
    /// A read fails, once.
    ReadError,
    /// A sync fails.
    FailedSync,
    /// A sync is said to be good and does nothing.
    LyingSync,
}

impl MishapKind {
    /// All of them, with their words.
    pub const WORDS: [(&'static str, MishapKind); 10] = [
        ("rot-bit", MishapKind::RotBit),
        ("rot-byte", MishapKind::RotByte),
        ("unreadable", MishapKind::Unreadable),
        ("misdirected-write", MishapKind::MisdirectedWrite),
        ("lost-write", MishapKind::LostWrite),
        ("no-space", MishapKind::NoSpace),
        ("misdirected-read", MishapKind::MisdirectedRead),
        ("read-error", MishapKind::ReadError),
        ("failed-sync", MishapKind::FailedSync),
        ("lying-sync", MishapKind::LyingSync),
    ];

    /// Checks that the rates of all sorts are found by their numbers.
    const fn are_in_order() -> bool {
        let mut place = 0;
        while place < MishapKind::WORDS.len() {
            if MishapKind::WORDS[place].1 as usize != place {
                return false;
            }
            place += 1;
        }
        true
    }

    /// Whether there are several places where it may strike in an operation.
    pub fn has_places(self) -> bool {
        matches!(
            self,
            MishapKind::RotBit
                | MishapKind::RotByte
                | MishapKind::Unreadable
                | MishapKind::MisdirectedWrite
                | MishapKind::MisdirectedRead
        )
    }
}

impl fmt::Display for MishapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = MishapKind::WORDS.iter().find(|(_, kind)| kind == self).map(|(word, _)| *word);
        f.write_str(word.expect("every sort has a word"))
    }
}

impl FromStr for MishapKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = MishapKind::WORDS.iter().find(|(word, _)| *word == text);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let words: Vec<&str> = MishapKind::WORDS.iter().map(|(word, _)| *word).collect();
            format!("unknown fault of a disk `{text}`; it is one of {}", words.join(", "))
        })
    }
}
