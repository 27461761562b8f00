//! The systems that come with the crate, as scenario files name them: protocols with all that an experiment needs to know
//! of them.

pub mod ping;
pub mod vsr;
pub mod vsr_layout;

use std::rc::Rc;

use crate::scenario::{Registry, System};

/// Every system that comes with the crate.
pub fn registry() -> Registry {
    Registry::new().system("ping", &[], |_| Ok(ping::make())).system("vsr", vsr::PLANTS, |plant| {
        let system = vsr::VsrKv::new(plant.map(str::parse).transpose()?);
        Ok(Rc::new(system) as Rc<dyn System>)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planted_bug_can_be_made() {
        let registry = registry();
        assert!(registry.make("vsr", None).is_ok());
        for plant in registry.plants("vsr") {
            assert!(registry.make("vsr", Some(plant)).is_ok(), "{plant}");
        }
        assert!(registry.make("vsr", Some("no-such-bug")).is_err());
    }
}
