//! Numbers of a system that scenario files may choose: how large its rings and tables are, say.

use std::collections::BTreeMap;

/// A number of a system that a scenario file may set in its table `[parameters]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// What files call it.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// What it is where nothing is said.
    pub default: u64,
    /// The least it can be.
    pub least: u64,
    /// The most it can be.
    pub most: u64,
    /// It is a multiple of this; 1 for any number.
    pub step: u64,
}

impl Parameter {
    /// Whether it can be this number.
    pub fn allows(&self, value: u64) -> bool {
        (self.least..=self.most).contains(&value) && value.is_multiple_of(self.step)
    }

    /// Which numbers it can be.
    pub fn range(&self) -> String {
        let Parameter { least, most, step, .. } = self;
        match step {
            1 => format!("a number from {least} to {most}"),
            _ => format!("a multiple of {step} from {least} to {most}"),
        }
    }
}

/// What a scenario says of its system's parameters. Those that it does not name have their defaults.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Parameters(BTreeMap<&'static str, u64>);

impl Parameters {
    /// Sets one, which the parameter must allow.
    #[must_use]
    pub fn with(mut self, parameter: &Parameter, value: u64) -> Parameters {
        assert!(parameter.allows(value), "`{}` is {}, not {value}", parameter.name, parameter.range());
        self.0.insert(parameter.name, value);
        self
    }

    /// What it is.
    pub fn of(&self, parameter: &Parameter) -> u64 {
        self.0.get(parameter.name).copied().unwrap_or(parameter.default)
    }

    /// Those that are set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, value)| (*name, *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: Parameter =
        Parameter { name: "slots", about: "Slots of the ring.", default: 16, least: 8, most: 64, step: 4 };

    #[test]
    fn what_is_not_set_has_its_default() {
        let parameters = Parameters::default();
        assert_eq!((parameters.of(&SLOTS), parameters.iter().count()), (16, 0));
        let parameters = parameters.with(&SLOTS, 8);
        assert_eq!(parameters.of(&SLOTS), 8);
        assert_eq!(parameters.iter().collect::<Vec<_>>(), [("slots", 8)]);
    }

    #[test]
    fn numbers_out_of_range_are_not_allowed() {
        let allowed: Vec<u64> = (0..80).filter(|value| SLOTS.allows(*value)).collect();
        assert_eq!(allowed, (8..=64).step_by(4).collect::<Vec<_>>());
        assert_eq!(SLOTS.range(), "a multiple of 4 from 8 to 64");
    }
}
