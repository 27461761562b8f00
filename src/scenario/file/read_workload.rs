//! Reading `[workload]`.

use crate::base::Ratio;
use crate::scenario::{Mix, Shares, Step, Workload};

use super::read_values::{ratio, some_duration};
use super::reader::{Table, Value, quoted};
use super::step::parse_step;
use super::tree::Tree;

/// What the clients ask for. May be absent only where there are no clients.
pub(super) fn workload(root: &mut Table) -> Option<Workload> {
    let value = match root.context().cluster() {
        Some(cluster) if cluster.clients == 0 => match root.take("workload") {
            Some(value) => value,
            None => return Some(Workload::Explicit(Vec::new())),
        },
        _ => root.need_section("workload")?,
    };
    value.table("[workload]", |table| {
        let kinds = [("kv", true), ("explicit", false)];
        // The kind decides which other keys are known, so without one there is nothing to be said about them.
        let drawn = match table.need("kind") {
            Some(kind) => kind.word("a kind of workload", &kinds).inspect(|drawn| {
                if *drawn {
                    kind.chance("a plan cannot draw its operations; it lists them, with kind = \"explicit\"");
                }
            }),
            None => None,
        };
        match drawn {
            Some(true) => drawn_operations(table).map(Workload::Drawn),
            Some(false) => explicit_operations(table).map(Workload::Explicit),
            None => {
                table.take_any(&["keys", "rate", "mix", "operations", "give_up_after"]);
                None
            }
        }
    })
}

fn drawn_operations(table: &mut Table) -> Option<Mix> {
    let keys = table.need("keys").and_then(|value| value.whole("a number of keys", 1, 1_000_000));
    let rate = table.need("rate").and_then(rate);
    let shares = table.need("mix").and_then(|value| {
        value.table("`mix`", |table| {
            let mut share = |key| table.or(key, Ratio::ZERO, ratio);
            let shares = Shares {
                get: share("get"),
                put: share("put"),
                append: share("append"),
                cas: share("cas"),
                delete: share("delete"),
            };
            if shares == Shares::default() {
                return value.wrong_with(
                    "`mix` has no share above 0, so there is nothing to ask for",
                    "for example: mix = { get = 0.5, put = 0.5 }",
                );
            }
            Some(shares)
        })
    });
    let operations = table.take("operations").and_then(|value| match value.raw() {
        Tree::Array(_) => value.wrong_with(
            "this workload draws its operations, so they cannot be listed",
            "to list them, use kind = \"explicit\"",
        ),
        _ => value.whole("a number of operations", 1, u64::MAX),
    });
    let give_up_after = table.take("give_up_after").and_then(some_duration);
    let keys = u32::try_from(keys?).expect("at most a million");
    Some(Mix { keys, rate: rate?, shares: shares?, operations, give_up_after })
}

/// `"200/s"`.
fn rate(value: Value) -> Option<u32> {
    const RATE: &str = "a rate such as \"200/s\"";
    if let Tree::Integer(number) = value.raw() {
        return value
            .wrong_with(format!("expected {RATE}, found an integer"), format!("operations a second: \"{number}/s\""));
    }
    let text = value.text(RATE)?;
    let Some(number) = text.strip_suffix("/s") else {
        return value.wrong(format!("expected {RATE}, found {}", quoted(text)));
    };
    match number.parse::<u32>() {
        Ok(rate) if (1..=1_000_000).contains(&rate) => Some(rate),
        _ => value.wrong(format!("expected a rate from \"1/s\" to \"1000000/s\", found {}", quoted(text))),
    }
}

fn explicit_operations(table: &mut Table) -> Option<Vec<Step>> {
    for (key, value) in table.take_any(&["keys", "rate", "mix", "give_up_after"]) {
        let _: Option<()> = value.wrong_with(
            format!("`{key}` belongs to drawn operations, and these are explicit"),
            "each operation says its own: \"c0 after 3ms put k1 17, give up after 2s\"",
        );
    }
    table.need("operations")?.list("a list of operations such as \"c0 after 3ms put k1 17\"", |value| {
        let text = value.text("an operation such as \"c0 after 3ms put k1 17\"")?;
        match parse_step(text) {
            Ok(step) => {
                value.in_cluster(step.client);
                Some(step)
            }
            Err(message) => value.wrong(message),
        }
    })
}
