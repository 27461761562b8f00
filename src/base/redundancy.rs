//! What else there is of what lies on a disk, for whoever decides what may be damaged.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// What there is besides what lies in one sector of a replica's disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redundancy {
    /// Nothing: it must not be damaged.
    Sole,
    /// Every replica has a copy of these units. A unit is what is written and repaired as one, such as a slot of a log;
    /// it has the same number wherever it lies, so a log and its headers apart share their numbers.
    Peers(Range<u64>),
    /// It is one of several copies on this very disk, of which so many may be damaged at once.
    Copies {
        /// Which copies belong together.
        group: u64,
        /// Which of them this is; a copy may have several sectors.
        copy: u64,
        /// How many of them may be damaged.
        spare: u64,
    },
}

/// Says what else there is of a sector of a file.
type Of = dyn Fn(&str, u64) -> Redundancy;

/// Says of each sector of each file of a replica what else there is of it.
#[derive(Clone)]
pub struct RedundancyMap(Rc<Of>);

impl RedundancyMap {
    /// By a function of the file and the number of a sector of 512 bytes.
    pub fn new(of: impl Fn(&str, u64) -> Redundancy + 'static) -> RedundancyMap {
        RedundancyMap(Rc::new(of))
    }

    /// Of a sector of a file.
    pub fn of(&self, file: &str, sector: u64) -> Redundancy {
        (self.0)(file, sector)
    }
}

/// Nobody says anything, so nothing may be damaged.
impl Default for RedundancyMap {
    fn default() -> Self {
        RedundancyMap::new(|_, _| Redundancy::Sole)
    }
}

impl fmt::Debug for RedundancyMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedundancyMap")
    }
}
