//! Values everything else is made of: time, identities, labels, keyed randomness, events.
//!
//! Nothing here runs, waits or prints, and nothing here knows of any other folder. What the rest of the crate relies
//! on is that these values are *plain*: integers for time and probability, hashes that are the same on every machine
//! and in every build, text forms that parse back to what was printed.

pub mod disks;
pub mod distribution;
pub mod draw;
pub mod event;
pub mod feed;
pub mod hash;
pub mod id;
pub mod key;
pub mod label;
pub mod measure;
pub mod name;
pub mod operation;
pub mod payload;
pub mod probe;
mod quantiles;
pub mod redundancy;
pub mod text;
pub mod time;

pub use disks::{ActualDisks, Disks};
pub use distribution::{Distribution, Sampler};
pub use draw::{Draw, Ratio};
pub use event::{Event, EventId, EventKind};
pub use event::{Lost, Outcome};
pub use hash::{Checksum, Digest};
pub use id::{ClientId, Cluster, Incarnation, NodeId};
pub use label::{Kind, Label, LabelText};
pub use name::Name;
pub use operation::{Key, Operation, Reply};
pub use payload::Payload;
pub use probe::{Probe, Role};
pub use redundancy::{Redundancy, RedundancyMap};
pub use time::{Instant, WallTime};
