//! Reading the faults that are about disks: `rot`, `unreadable`, `disk` and `stall`.

use crate::world::{Extent, MishapKind, Spot, What};

use super::read_fault::{Moment, some_nodes};
use super::read_values::distribution;
use super::reader::{Table, Value};

/// The first byte, and the first sector, that no file has.
const BYTES: u64 = 1 << 30;
const SECTORS: u64 = BYTES / 512;

/// What lies on disks goes bad.
pub(super) fn rot(value: Value, moment: Moment) -> Option<What> {
    value.table("`rot`", |table| {
        let target = table.need("target").and_then(|value| some_nodes(value, moment));
        let file = file(table);
        let spot = spot(value, table);
        Some(What::Rot { target: target?, file: file?, spot: spot? })
    })
}

fn spot(whole: Value, table: &mut Table) -> Option<Spot> {
    let spots = table.take_any(&["byte", "sector", "extent"]);
    let bits = table.take("bits");
    if let (Some(bits), true) = (bits, spots.first().is_none_or(|(key, _)| *key != "byte")) {
        return bits.wrong("`bits` goes with `byte`: it says which bits of it go bad");
    }
    match spots[..] {
        [] => {
            drawn(whole);
            Some(Spot::Drawn(Extent::Bit))
        }
        [("byte", value)] => {
            let bits = bits.map_or(Some(1), |bits| bits.whole("bits of a byte", 1, u64::from(u8::MAX)));
            let byte = value.whole("a byte of the file", 0, BYTES - 1);
            Some(Spot::Byte { byte: byte?, bits: u8::try_from(bits?).expect("at most 255") })
        }
        [("sector", value)] => sector(value).map(Spot::Sector),
        [(_, value)] => {
            drawn(whole);
            let words = [("bit", Extent::Bit), ("byte", Extent::Byte), ("sector", Extent::Sector)];
            value.word("how much goes bad", &words).map(Spot::Drawn)
        }
        [(first, _), (second, value), ..] => {
            value.wrong(format!("one spot goes bad, but here are `{first}` and `{second}`"))
        }
    }
}

fn drawn(value: Value) {
    value.chance("a plan cannot draw what goes bad; it says `byte` and `bits`, or `sector`");
}

fn sector(value: Value) -> Option<u64> {
    value.whole("a sector of the file", 0, SECTORS - 1)
}

fn file(table: &mut Table) -> Option<String> {
    table.need("file").and_then(|value| value.some_text("the name of a file")).map(str::to_string)
}

/// A sector cannot be read any more.
pub(super) fn unreadable(value: Value, moment: Moment) -> Option<What> {
    value.table("`unreadable`", |table| {
        let target = table.need("target").and_then(|value| some_nodes(value, moment));
        let file = file(table);
        let sector = match table.take("sector") {
            Some(value) => sector(value).map(Some),
            None => {
                value.chance("a plan cannot draw the sector that goes bad; it says `sector`");
                Some(None)
            }
        };
        Some(What::Unreadable { target: target?, file: file?, sector: sector? })
    })
}

/// Disks stall.
pub(super) fn stall(value: Value, moment: Moment) -> Option<What> {
    value.table("a `stall` of disks", |table| {
        let target = table.need("target").and_then(|value| some_nodes(value, moment));
        let span = table.need("for").and_then(|value| match distribution(value)? {
            span if span.max().is_zero() => value.wrong("expected a duration longer than zero"),
            span => Some(span),
        });
        Some(What::Stall { target: target?, span: span? })
    })
}

/// The next operation that fits goes amiss.
pub(super) fn disk(value: Value, moment: Moment) -> Option<What> {
    value.table("`disk`", |table| {
        let target = table.need("target").and_then(|value| some_nodes(value, moment));
        let next = table.need("next").and_then(|value| value.parsed("a label such as \"write(slot5)\""));
        let mishap = table.need("fault").and_then(|value| value.word("a fault of a disk", &MishapKind::WORDS));
        let pick = table.take("pick");
        let mishap = mishap?;
        let pick = match pick {
            Some(pick) if !mishap.has_places() => {
                return pick.wrong(format!("there is nothing to pick: `{mishap}` concerns all of an operation"));
            }
            Some(pick) => Some(pick.whole("a number", 0, i64::MAX as u64)?),
            None if mishap.has_places() => {
                value.chance("a plan cannot draw where in an operation a fault strikes; it says `pick`");
                None
            }
            None => None,
        };
        Some(What::Disk { target: target?, next: next?, mishap, pick })
    })
}
