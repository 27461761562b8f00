//! The systems that come with the crate, as scenario files name them.

pub mod ping;

use crate::scenario::Registry;

/// Every system that comes with the crate.
pub fn registry() -> Registry {
    Registry::new().system("ping", &[], |_| Ok(ping::make()))
}
