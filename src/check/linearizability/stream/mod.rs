//! Judging while a history is read: what is over is forgotten.
//!
//! A [`Stream`] takes operations in the order of their calls, and keeps of each object only what the rest of the history can
//! still depend on. How much that is depends on the operations, and the first of them say which way is taken:
//!
//! | way | for | what is kept of an object |
//! |---|---|---|
//! | [`claimed`] | an order is claimed (`index`) | its state, and what is open |
//! | [`blocks`] | reads and writes | values that are not surely replaced, about as many as are written at one time |
//! | [`segments`] | the same with compare-and-swap or delete | everything since it was last idle, and the values it may have had then |
//! | [`growing`] | appends and reads | the text itself, and for each append two times |
//!
//! All of them also keep every write of unknown outcome that nobody has seen yet: it may still take effect.
//!
//! **Sound**, because a stream says one thing only: that there is a linearization. Each way shows one, as its file explains. If it
//! cannot, that says nothing, and what was forgotten is needed: whoever reads must be able to begin again, keep everything and
//! [judge](super::judge) it. That is also how a violation is found and explained.

mod blocks;
mod claimed;
mod growing;
pub(super) mod segments;

use std::collections::BTreeMap;

use crate::check::models::Standard;
use crate::check::recorded::{Act, Entry, NO_INDEX, TextId, Texts};

use super::Tier;
use blocks::Blocks;
use claimed::Claimed;
use growing::Growing;
use segments::{Deciders, Segments};

/// Judges a history of registers or stores while it is read.
pub struct Stream {
    model: Standard,
    way: Way,
    /// By number of the key.
    objects: BTreeMap<TextId, Object>,
    deciders: Deciders,
    operations: u64,
    /// The call of the last operation.
    now: u64,
    holds: bool,
}

/// A history that was found to be linearizable while it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Operations that were looked at.
    pub operations: u64,
    /// Objects that they touched.
    pub objects: u64,
    /// Objects that each tier has decided, in the order of [`Tier::ALL`].
    pub decided: [u64; 5],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Claimed,
    Blocks,
    Segments,
    Growing,
}

enum Object {
    Claimed(Claimed),
    Blocks(Blocks),
    Segments(Segments),
    Growing(Box<Growing>),
}

impl Stream {
    /// A stream in the way that suits the first operations of a history. Nothing if there is none: for other models, and for
    /// stores that both append and overwrite.
    ///
    /// The operations are only looked at; [`take`](Stream::take) takes them.
    pub fn suited(model: Standard, first: &[Entry]) -> Option<Stream> {
        if first.is_empty() || !matches!(model, Standard::Register | Standard::KeyValue) {
            return None;
        }
        let only = |acts: &[Act]| first.iter().all(|entry| acts.contains(&entry.act));
        let way = if first.iter().any(|entry| entry.index != NO_INDEX) {
            // All that were answered, or it is no order.
            if first.iter().any(|entry| entry.index == NO_INDEX && entry.is_known()) {
                return None;
            }
            Way::Claimed
        } else if only(&[Act::Get, Act::Put]) {
            Way::Blocks
        } else if only(&[Act::Get, Act::Put, Act::Cas, Act::Delete]) {
            Way::Segments
        } else if only(&[Act::Get, Act::Append]) {
            Way::Growing
        } else {
            return None;
        };
        Some(Stream {
            model,
            way,
            objects: BTreeMap::new(),
            deciders: Deciders::within(u64::MAX),
            operations: 0,
            now: 0,
            holds: true,
        })
    }

    /// Takes the next operations, with the texts that they refer to. False if this history cannot be judged in this way.
    pub fn take(&mut self, entries: &[Entry], texts: &Texts) -> bool {
        for entry in entries {
            // In another order than that of calls nobody knows what may still come.
            self.holds &= entry.call >= self.now && self.model.knows(entry.act);
            // Where no order was claimed at first, a claim that comes later is for somebody else to look at.
            self.holds &= self.way == Way::Claimed || entry.index == NO_INDEX;
            self.now = entry.call;
            self.operations += 1;
            let object = self.objects.entry(entry.key).or_insert_with(|| Object::new(self.way));
            self.holds = self.holds
                && match object {
                    Object::Claimed(object) => object.take(entry, texts),
                    Object::Blocks(object) => object.take(entry),
                    Object::Segments(object) => object.take(entry, texts, &mut self.deciders),
                    Object::Growing(object) => object.take(entry, texts),
                };
            if !self.holds {
                return false;
            }
        }
        true
    }

    /// The numbers of all texts that are still needed; they may be changed, if those of their texts change.
    pub fn texts(&mut self) -> Vec<&mut TextId> {
        let mut all = Vec::new();
        for object in self.objects.values_mut() {
            match object {
                Object::Claimed(object) => all.extend(object.texts()),
                Object::Blocks(object) => all.extend(object.texts()),
                Object::Segments(object) => all.extend(object.texts()),
                Object::Growing(object) => all.extend(object.texts()),
            }
        }
        all
    }

    /// What was found, when there is no more to come; nothing if this history cannot be judged in this way.
    pub fn finish(mut self, texts: &Texts) -> Option<Verified> {
        let deciders = &mut self.deciders;
        let mut last = |object: &mut Object| match object {
            Object::Claimed(object) => object.finish(texts),
            Object::Blocks(object) => object.finish(),
            Object::Segments(object) => object.finish(texts, deciders),
            Object::Growing(object) => object.finish(texts),
        };
        let mut decided = [0; Tier::ALL.len()];
        for object in self.objects.values_mut() {
            if !self.holds || !last(object) {
                return None;
            }
            decided[object.tier() as usize] += 1;
        }
        self.holds.then_some(Verified { operations: self.operations, objects: self.objects.len() as u64, decided })
    }
}

impl Object {
    fn new(way: Way) -> Object {
        match way {
            Way::Claimed => Object::Claimed(Claimed::default()),
            Way::Blocks => Object::Blocks(Blocks::new()),
            Way::Segments => Object::Segments(Segments::default()),
            Way::Growing => Object::Growing(Box::default()),
        }
    }

    /// The tier that has decided.
    fn tier(&self) -> Tier {
        match self {
            Object::Claimed(_) => Tier::Witness,
            Object::Blocks(_) => Tier::Zones,
            Object::Segments(object) if object.is_searched => Tier::Search,
            Object::Segments(_) => Tier::Chains,
            Object::Growing(_) => Tier::Appends,
        }
    }
}
