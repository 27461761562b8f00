//! The fault budget: how much damage there may be at once.
//!
//! A cluster recovers from what disks do as long as enough of what was committed is left somewhere. With the budget
//! `recoverable` the world does no more than that; a decision that would is *refused*: it takes its benign default,
//! and is counted. The rules, each with a test below:
//!
//! 1. A system says of each sector what else there is of it ([`Redundancy`]). Of a sector of which it says nothing, or that
//!    nothing else is there, nothing is ever damaged.
//! 2. A *unit* has a copy on every replica. The replicas whose copy is damaged, whose disk was lost and is not yet recovered,
//!    or which are down for good, are never more than the replication quorum less one. Whatever is
//!    committed lies on a quorum, so one whole copy at least is left on a replica that is up or comes back.
//! 3. Of several copies on one disk no more are damaged than may be; neither is one torn by a crash that is the last.
//! 4. Where a lost or misdirected write, or a lying sync, has hit one of the places that hold a unit on a replica, nothing
//!    else damages another of them: of an entry and its header, say, one says what the other should be. A header that is
//!    old, with an entry that is rotten, looks like a write that a crash interrupted, and nothing could tell the two
//!    apart. Sectors that lie side by side are one place.
//! 5. A cluster of one replica is never damaged.
//! 6. Damage is repaired when the system itself has written over the place, and what it wrote is durable.
//! 7. A replica whose disk was lost counts in every unit until it has said [`Recovering`](crate::base::Probe::Recovering)
//!    and after that that it is primary or backup. So does one that says so by itself.
//! 8. When a quiet phase begins, those outside its core that do not heal count as down for good; if that is too many
//!    for some unit, more of them heal, in the order of nodes.
//!
//! With the budget `none`, damage that a replica can notice by itself, such as rot, is without limit, and so are lost disks.
//! Writes that are lost or go elsewhere, and syncs that lie, stay within the budget: no protocol survives many of them.
//!
//! Not damage, and so not limited: what passes by itself (a read that fails or goes elsewhere) and what the system is
//! told of (a full disk, a failed sync). A sector that a crash tore counts as damaged, but its tearing is not refused
//! unless by rule 3: the system was writing over it.
//!
//! No clock and no side effects: how the disks are and what is to be done in, yes or no out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use super::fault::What;
use crate::base::{NodeId, Redundancy, RedundancyMap};
use crate::world::config::BudgetKind;
use crate::world::disk::Wrong;
use crate::world::machines::machine::DiskLoss;
use crate::world::shared::Shared;

/// Sectors of a file that would be damaged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::world) struct Hit {
    pub file: Rc<str>,
    pub sectors: Range<u64>,
}

/// The sectors one by one, with their files.
fn places(hits: &[Hit]) -> Vec<(Rc<str>, u64)> {
    assert!(hits.iter().all(|hit| hit.sectors.start <= hit.sectors.end), "a stretch ends where it begins, or behind");
    let of = |hit: &Hit| hit.sectors.clone().map(|sector| (Rc::clone(&hit.file), sector)).collect::<Vec<_>>();
    hits.iter().flat_map(of).collect()
}

/// How a replica is, as far as the budget is concerned.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Health {
    /// Its disk was lost, and it has not recovered.
    pub lost: bool,
    /// It is down or stands still, and nothing is on its way that ends it.
    pub down: bool,
    /// The sectors that are damaged, by file, and what is wrong with them.
    pub damaged: Vec<(Rc<str>, u64, Wrong)>,
}

/// The copies on one disk, while a crash decides what is torn there.
#[derive(Debug)]
pub(in crate::world) struct CopiesLeft {
    redundancy: RedundancyMap,
    damaged: Vec<(Rc<str>, u64, Wrong)>,
}

impl CopiesLeft {
    /// Whether this sector may be torn. What the system writes over is torn at its own risk, unless decay has already
    /// taken the copies that it would fall back on.
    pub fn may_tear(&mut self, file: &Rc<str>, sector: u64) -> bool {
        let copy = |file: &str, sector: u64| match self.redundancy.of(file, sector) {
            Redundancy::Copies { group, copy, spare } => Some((group, copy, spare)),
            _ => None,
        };
        let Some((group, own, spare)) = copy(file, sector) else { return true };
        let others = self.damaged.iter().filter_map(|(file, sector, wrong)| {
            copy(file, *sector)
                .filter(|(other, copy, _)| *other == group && *copy != own)
                .map(|other| (other.1, *wrong))
        });
        let others: Vec<(u64, Wrong)> = others.collect();
        let gone: BTreeSet<u64> = others.iter().map(|(copy, _)| *copy).collect();
        if gone.len() as u64 + 1 > spare && others.iter().any(|(_, wrong)| *wrong != Wrong::Torn) {
            return false;
        }
        self.damaged.push((Rc::clone(file), sector, Wrong::Torn));
        true
    }
}

/// How all replicas are, in their order.
pub(in crate::world) struct Ledger<'a> {
    pub redundancy: &'a RedundancyMap,
    /// How many replicas hold whatever is committed.
    pub replication: u16,
    pub replicas: Vec<Health>,
}

impl Ledger<'_> {
    /// Whether these sectors of a replica may be damaged; `lies` if the disk says that all is well.
    pub fn allows(&self, replica: usize, hits: &[Hit], lies: bool) -> bool {
        assert!(replica < self.replicas.len(), "only replicas have something to lose");
        if hits.iter().all(|hit| hit.sectors.is_empty()) {
            return true;
        }
        if self.replicas.len() < 2 {
            return false;
        }
        let sectors = places(hits);
        let sole = |(file, sector): &(Rc<str>, u64)| self.redundancy.of(file, *sector) == Redundancy::Sole;
        if sectors.iter().any(sole) {
            return false;
        }
        let units: Vec<Range<u64>> = sectors.iter().filter_map(|(file, sector)| self.units(file, *sector)).collect();
        let absent = |other: usize| other == replica || self.replicas[other].down;
        self.spares_copies(replica, &sectors)
            && units.iter().all(|units| self.fits(units, absent))
            && self.lies_stand_alone(replica, &sectors, lies)
    }

    /// The same where there is no limit to what a replica can notice.
    fn allows_beyond_limits(&self, replica: usize, hits: &[Hit]) -> bool {
        assert!(replica < self.replicas.len(), "only replicas have something to lose");
        let sectors = places(hits);
        self.lies_stand_alone(replica, &sectors, false)
    }

    /// Whether all replicas of which this holds may be absent at once, in every unit.
    pub fn may_miss(&self, absent: impl Fn(usize) -> bool) -> bool {
        // Units that nobody damaged are all alike; one beyond all others stands for them.
        self.fits(&(0..u64::MAX), absent)
    }

    /// Whether anything is damaged or lost on another replica than this one.
    pub fn is_strained(&self, but: Option<usize>) -> bool {
        assert!(but.is_none_or(|but| but < self.replicas.len()), "only replicas have something to lose");
        let others = self.replicas.iter().enumerate().filter(|(other, _)| Some(*other) != but);
        others.into_iter().any(|(_, health)| health.lost || !health.damaged.is_empty())
    }

    /// The units that have a copy in a sector.
    fn units(&self, file: &str, sector: u64) -> Option<Range<u64>> {
        match self.redundancy.of(file, sector) {
            Redundancy::Peers(units) if !units.is_empty() => Some(units),
            _ => None,
        }
    }

    /// Whether in each of these units those that are absent, lost or damaged are few enough.
    fn fits(&self, units: &Range<u64>, absent: impl Fn(usize) -> bool) -> bool {
        assert!(units.start < units.end, "there are units");
        let damaged: Vec<Vec<Range<u64>>> = self
            .replicas
            .iter()
            .map(|health| health.damaged.iter().filter_map(|(file, sector, _)| self.units(file, *sector)).collect())
            .collect();
        // The number of those concerned changes only where a damaged stretch begins or ends.
        let ends = damaged.iter().flatten().flat_map(|range| [range.start, range.end]);
        let places: BTreeSet<u64> = ends.filter(|unit| units.contains(unit)).chain([units.start]).collect();
        let allowed = usize::from(self.replication.saturating_sub(1));
        places.into_iter().all(|unit| {
            let concerned = |replica: &usize| {
                absent(*replica)
                    || self.replicas[*replica].lost
                    || damaged[*replica].iter().any(|range| range.contains(&unit))
            };
            (0..self.replicas.len()).filter(concerned).count() <= allowed
        })
    }

    /// Whether enough copies are left on the disk of each group of which there are several.
    fn spares_copies(&self, replica: usize, sectors: &[(Rc<str>, u64)]) -> bool {
        assert!(replica < self.replicas.len(), "only replicas have something to lose");
        let copy = |file: &str, sector: u64| match self.redundancy.of(file, sector) {
            Redundancy::Copies { group, copy, spare } => Some((group, copy, spare)),
            _ => None,
        };
        let before = self.replicas[replica].damaged.iter().filter_map(|(file, sector, _)| copy(file, *sector));
        let hit = sectors.iter().filter_map(|(file, sector)| copy(file, *sector));
        let all: BTreeSet<(u64, u64, u64)> = before.chain(hit.clone()).collect();
        hit.into_iter().all(|(group, _, spare)| {
            let copies: BTreeSet<u64> =
                all.iter().filter(|(other, ..)| *other == group).map(|(_, copy, _)| *copy).collect();
            copies.len() as u64 <= spare
        })
    }

    /// Whether, with these, each lie of a disk about a unit is the only damage to that unit there.
    fn lies_stand_alone(&self, replica: usize, sectors: &[(Rc<str>, u64)], lies: bool) -> bool {
        assert!(replica < self.replicas.len(), "only replicas have something to lose");
        let before = self.replicas[replica].damaged.iter().filter(|(_, _, wrong)| *wrong != Wrong::Torn);
        let before = before.map(|(file, sector, wrong)| ((Rc::clone(file), *sector), *wrong == Wrong::Lie));
        let mut damaged: BTreeMap<(Rc<str>, u64), bool> = before.collect();
        for sector in sectors {
            *damaged.entry(sector.clone()).or_default() |= lies;
        }
        let units: Vec<Range<u64>> = sectors.iter().filter_map(|(file, sector)| self.units(file, *sector)).collect();
        let meets = |one: &Range<u64>, other: &Range<u64>| one.start < other.end && other.start < one.end;
        units.iter().all(|units| {
            let is_of_them =
                |file: &str, sector: u64| self.units(file, sector).is_some_and(|other| meets(&other, units));
            let concerned: Vec<(&(Rc<str>, u64), bool)> = damaged
                .iter()
                .filter(|((file, sector), _)| is_of_them(file, *sector))
                .map(|(place, is_lie)| (place, *is_lie))
                .collect();
            let is_one_place = concerned.windows(2).all(|pair| {
                let [(file, sector), (next_file, next)] = [pair[0].0, pair[1].0];
                file == next_file && (*sector..*next).all(|sector| is_of_them(file, sector))
            });
            is_one_place || concerned.iter().all(|(_, is_lie)| !is_lie)
        })
    }
}

impl Shared {
    /// How all replicas are.
    fn ledger(&self) -> Ledger<'_> {
        let disks = self.disks.borrow();
        assert_eq!(disks.len(), self.machines.len(), "every machine has a disk");
        let health = |node: NodeId| {
            let slot = self.cluster.slot(node);
            assert_eq!(slot, usize::from(node.index()), "replicas come first");
            let machine = &self.machines[slot];
            Health {
                lost: machine.loss.get() != DiskLoss::None,
                down: (!machine.up.get() || machine.paused.get()) && !machine.returns.get(),
                damaged: disks[slot].damaged(),
            }
        };
        Ledger {
            redundancy: &self.decay.redundancy,
            replication: self.decay.replication,
            replicas: self.cluster.replicas().map(health).collect(),
        }
    }

    /// Whether these sectors of a node's disk may be damaged now.
    pub fn may_damage(&self, node: NodeId, hits: &[Hit], lies: bool) -> bool {
        // A client machine has nothing that anybody else relies on.
        if !node.is_replica() || hits.is_empty() {
            return true;
        }
        if self.storage.budget == BudgetKind::None && !lies {
            return self.ledger().allows_beyond_limits(usize::from(node.index()), hits);
        }
        self.ledger().allows(usize::from(node.index()), hits, lies)
    }

    /// The copies on the disk of a machine.
    pub fn copies_of(&self, slot: usize) -> CopiesLeft {
        assert!(!self.machines[slot].up.get(), "copies are counted for a crash");
        let limited = self.machines[slot].id.is_replica() && self.storage.budget == BudgetKind::Recoverable;
        let damaged = if limited { self.disks.borrow()[slot].damaged() } else { Vec::new() };
        CopiesLeft { redundancy: self.decay.redundancy.clone(), damaged }
    }

    /// Whether a fault without chance leaves enough.
    pub fn is_within_budget(&self, what: &What) -> bool {
        if let Some((node, hit)) = self.decay_hit(what) {
            return self.may_damage(node, &[hit], false);
        }
        let (target, is_wipe) = match what {
            What::Wipe { target, .. } => (target, true),
            What::Crash { target, restart_after: None, .. } => (target, false),
            _ => return true,
        };
        let slot = self.slot(*target);
        assert!(self.machines[slot].up.get(), "only who is up is struck down");
        if !self.machines[slot].id.is_replica() || self.storage.budget == BudgetKind::None {
            return true;
        }
        let ledger = self.ledger();
        // Where disks are whole it is the scenario's own affair how many replicas are down.
        if !is_wipe && !ledger.is_strained(Some(slot)) {
            return true;
        }
        ledger.may_miss(|replica| replica == slot || ledger.replicas[replica].down)
    }

    /// Those outside the core of a quiet phase that have to heal besides, in the order of nodes.
    pub fn must_heal(&self, core: &[NodeId], healed: &[NodeId]) -> Vec<NodeId> {
        let mut more = Vec::new();
        if self.storage.budget == BudgetKind::None {
            return more;
        }
        let ledger = self.ledger();
        if !ledger.is_strained(None) {
            return more;
        }
        let stays =
            |node: NodeId, more: &[NodeId]| !core.contains(&node) && !healed.contains(&node) && !more.contains(&node);
        let fits = |more: &[NodeId]| ledger.may_miss(|replica| stays(NodeId::replica(replica as u16), more));
        for node in self.cluster.replicas() {
            if fits(&more) {
                break;
            }
            if stays(node, &more) {
                more.push(node);
            }
        }
        let all_heal = self.cluster.replicas().all(|node| !stays(node, &more));
        assert!(all_heal || fits(&more), "those who stay away are few enough, or nobody does");
        assert!(more.is_sorted_by(|one, next| one < next), "nobody heals twice");
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots of two sectors in `journal`, their headers four to a sector in `headers`; two copies of `super`, of which
    /// one may be damaged; nothing is known of anything else.
    fn redundancy() -> RedundancyMap {
        RedundancyMap::new(|file, sector| match file {
            "journal" => Redundancy::Peers(sector / 2..sector / 2 + 1),
            "headers" => Redundancy::Peers(sector * 4..sector * 4 + 4),
            "super" => Redundancy::Copies { group: 0, copy: sector, spare: 1 },
            _ => Redundancy::Sole,
        })
    }

    struct Story {
        redundancy: RedundancyMap,
        replicas: Vec<Health>,
    }

    impl Story {
        fn of(replicas: usize) -> Story {
            Story { redundancy: redundancy(), replicas: vec![Health::default(); replicas] }
        }

        fn damaged(mut self, replica: usize, file: &str, sector: u64) -> Story {
            self.replicas[replica].damaged.push((file.into(), sector, Wrong::Decay));
            self
        }

        fn lied(mut self, replica: usize, file: &str, sector: u64) -> Story {
            self.replicas[replica].damaged.push((file.into(), sector, Wrong::Lie));
            self
        }

        fn lost(mut self, replica: usize) -> Story {
            self.replicas[replica].lost = true;
            self
        }

        fn down(mut self, replica: usize) -> Story {
            self.replicas[replica].down = true;
            self
        }

        fn ledger(&self) -> Ledger<'_> {
            let replication = self.replicas.len() as u16 / 2 + 1;
            Ledger { redundancy: &self.redundancy, replication, replicas: self.replicas.clone() }
        }

        fn allows(&self, replica: usize, file: &str, sectors: Range<u64>) -> bool {
            self.ledger().allows(replica, &[Hit { file: file.into(), sectors }], false)
        }

        fn allows_lie(&self, replica: usize, file: &str, sectors: Range<u64>) -> bool {
            self.ledger().allows(replica, &[Hit { file: file.into(), sectors }], true)
        }
    }

    #[test]
    fn what_has_no_copies_is_never_damaged() {
        assert!(!Story::of(5).allows(0, "notes", 3..4));
        assert!(Story::of(5).allows(0, "journal", 3..4));
        let hits = ["journal", "notes"].map(|file| Hit { file: file.into(), sectors: 0..1 });
        assert!(!Story::of(5).ledger().allows(0, &hits, true), "a write that goes elsewhere hits both");
    }

    #[test]
    fn of_each_unit_fewer_than_a_quorum_are_damaged_lost_or_down() {
        let one = || Story::of(3).damaged(0, "journal", 6);
        assert!(one().allows(0, "journal", 7..8), "the same copy");
        assert!(!one().allows(1, "journal", 7..8), "the same unit, another replica");
        assert!(one().allows(1, "journal", 8..9), "another unit");
        assert!(!one().allows(1, "headers", 0..1), "a sector that has this unit among others");
        assert!(one().allows(1, "headers", 1..2));
        assert!(!Story::of(3).lost(2).allows(1, "journal", 0..1));
        assert!(!Story::of(3).down(2).allows(1, "journal", 0..1));
        assert!(Story::of(3).down(2).allows(2, "journal", 0..1), "a disk decays while its machine is down");
        let two = || Story::of(5).damaged(0, "journal", 6).down(1);
        assert!(!two().allows(2, "journal", 6..7));
        assert!(two().allows(2, "journal", 4..6));
        assert!(!two().lost(3).allows(2, "journal", 4..6));
    }

    #[test]
    fn lost_disks_and_nodes_that_stay_down_fit_into_the_same_budget() {
        let story = Story::of(3).damaged(0, "journal", 6);
        let ledger = story.ledger();
        assert!(ledger.may_miss(|replica| replica == 0));
        assert!(!ledger.may_miss(|replica| replica == 1));
        assert!(ledger.is_strained(None) && ledger.is_strained(Some(1)) && !ledger.is_strained(Some(0)));
        assert!(Story::of(3).ledger().may_miss(|replica| replica == 1));
        assert!(!Story::of(3).lost(0).ledger().may_miss(|replica| replica == 1));
        assert!(Story::of(5).lost(0).ledger().may_miss(|replica| replica == 1));
    }

    #[test]
    fn of_copies_on_one_disk_some_are_left() {
        assert!(Story::of(3).allows(0, "super", 1..2));
        assert!(!Story::of(3).allows(0, "super", 0..2));
        let one = || Story::of(3).damaged(0, "super", 0);
        assert!(!one().allows(0, "super", 1..2));
        assert!(one().allows(0, "super", 0..1), "the same copy");
        assert!(one().allows(1, "super", 1..2), "each disk has its own");
    }

    #[test]
    fn a_crash_tears_no_copy_that_is_the_last() {
        let copies = |damaged: Vec<(Rc<str>, u64, Wrong)>| CopiesLeft { redundancy: redundancy(), damaged };
        let file: Rc<str> = "super".into();
        let mut whole = copies(vec![]);
        assert!(whole.may_tear(&file, 0));
        assert!(whole.may_tear(&file, 1), "a system that writes both at once is to blame itself");
        let mut rotten = copies(vec![(Rc::clone(&file), 0, Wrong::Decay)]);
        assert!(!rotten.may_tear(&file, 1));
        assert!(rotten.may_tear(&file, 0), "it is rotten already");
        assert!(rotten.may_tear(&"journal".into(), 1), "others have copies of this");
    }

    #[test]
    fn a_disk_lies_about_one_place_of_a_unit() {
        assert!(Story::of(3).allows_lie(0, "journal", 6..8), "a slot is one place");
        let header = || Story::of(3).lied(0, "headers", 0);
        assert!(!header().allows_lie(0, "journal", 6..8), "its header is a lie already");
        assert!(!header().allows(0, "journal", 6..8), "an old header and a rotten entry look like a torn write");
        assert!(header().allows(0, "headers", 0..1), "it is the same place");
        assert!(header().allows(0, "journal", 8..9), "another unit");
        let beyond =
            |story: Story, sectors| story.ledger().allows_beyond_limits(0, &[Hit { file: "journal".into(), sectors }]);
        assert!(
            !beyond(header(), 6..8) && beyond(header(), 8..9) && beyond(Story::of(3).damaged(0, "headers", 0), 6..8)
        );
        assert!(header().allows_lie(0, "journal", 8..10), "another unit's header is true");
        let rotten = || Story::of(3).damaged(0, "headers", 0);
        assert!(rotten().allows(0, "journal", 6..8), "both can be noticed");
        assert!(!rotten().allows_lie(0, "journal", 6..8), "nothing says what the entry should be");
        assert!(Story::of(3).lied(0, "journal", 6).allows_lie(0, "journal", 7..8), "side by side");
        let both = [Hit { file: "journal".into(), sectors: 6..8 }, Hit { file: "headers".into(), sectors: 0..1 }];
        assert!(!Story::of(3).ledger().allows(0, &both, true));
    }

    #[test]
    fn a_cluster_of_one_is_never_damaged() {
        assert!(!Story::of(1).allows(0, "journal", 0..1));
        assert!(!Story::of(1).allows(0, "super", 0..1));
        assert!(Story::of(1).allows(0, "super", 0..0), "nothing is hit");
    }
}
