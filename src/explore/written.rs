//! How a tally is written down, so that a long sweep can stop and go on later.
//!
//! As JSON, by serde. Two things need help: names of faults and marks, which live as long as the program, and findings,
//! whose key is part of what is found under it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serializer};

use super::Signature;
use super::tally::Group;

/// Reads things found under names that live as long as the program. To write them down needs no help.
pub(super) fn named<'a, T: Deserialize<'a>, D: Deserializer<'a>>(
    deserializer: D,
) -> Result<BTreeMap<&'static str, T>, D::Error> {
    let named: BTreeMap<String, T> = BTreeMap::deserialize(deserializer)?;
    // A file is read once in the life of a program, and has as many names as the code has.
    Ok(named.into_iter().map(|(name, value)| (&*name.leak(), value)).collect())
}

/// Findings: each group says its own signature.
pub(super) mod groups {
    use super::*;

    pub fn serialize<S: Serializer>(groups: &BTreeMap<Signature, Group>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(groups.values())
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<BTreeMap<Signature, Group>, D::Error> {
        let groups: Vec<Group> = Vec::deserialize(deserializer)?;
        Ok(groups.into_iter().map(|group| (group.signature.clone(), group)).collect())
    }
}
