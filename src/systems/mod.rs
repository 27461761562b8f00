//! The systems that come with the crate, as scenario files name them: protocols with all that an experiment needs to know
//! of them.

pub mod ping;
pub mod vsr;
pub mod vsr_layout;

use std::rc::Rc;

use crate::scenario::{Registry, System};

/// Every system that comes with the crate.
pub fn registry() -> Registry {
    Registry::new().system("ping", &[], |_| Ok(ping::make())).system_with(
        "vsr",
        vsr::PLANTS,
        vsr::PARAMETERS,
        |plant, parameters| {
            let system = vsr::VsrKv::new(plant.map(str::parse).transpose()?, parameters);
            Ok(Rc::new(system) as Rc<dyn System>)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Parameters;

    #[test]
    fn every_planted_bug_can_be_made() {
        let registry = registry();
        let make = |plant| registry.make_of("vsr", plant, &Parameters::default());
        assert!(make(None).is_ok());
        for plant in registry.plants("vsr") {
            assert!(make(Some(plant)).is_ok(), "{plant}");
        }
        assert!(make(Some("no-such-bug")).is_err());
    }
}
