//! Reading what makes a scenario a plan: `entropy`, `deviations`, `digest` and `build`.

use std::collections::BTreeSet;

use crate::base::LabelText;
use crate::scenario::Plan;
use crate::world::{Choice, Deviation};

use super::read_values::seed;
use super::reader::{Table, Value, quoted};

/// The keys that make a file a plan. Any of them does.
pub(super) const PLAN: [&str; 5] = ["entropy", "oracles", "deviations", "digest", "build"];

/// What makes it a plan, if it is one.
pub(super) fn plan(root: &mut Table) -> Option<Plan> {
    if root.take_any(&PLAN).is_empty() {
        return None;
    }
    // A plan without entropy would take the system's own dice from nowhere.
    let entropy = root.need("entropy").and_then(seed);
    let oracles = root.take("oracles").and_then(|value| {
        value.list("a list of oracles such as [\"lin\", \"log-prefix\"]", |value| value.parsed("an oracle"))
    });
    let deviations = root.or("deviations", Vec::new(), |value| {
        let mut said = BTreeSet::new();
        value.list("a list of deviations such as \"drop r0->r1 Prepare(v0 op1) #2\"", |value| {
            deviation(value, &mut said)
        })
    });
    let digest = root.take("digest").and_then(|value| {
        let text = value.text("a digest of 16 hexadecimal digits")?;
        let is_digest = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(digest) if is_digest => Some(digest),
            _ => value.wrong(format!("expected a digest of 16 hexadecimal digits, found {}", quoted(text))),
        }
    });
    let build = root.take("build").and_then(|value| value.text("the name of a build").map(str::to_string));
    let trace = root.section("trace", "[trace]", Vec::new(), |table| {
        let value = table.need("bytes")?;
        let text = value.text("two hexadecimal digits for each event")?;
        bytes(text).map_or_else(|| value.wrong("expected two hexadecimal digits for each event"), Some)
    });
    Some(Plan { entropy: entropy?, oracles, deviations, digest, build, trace })
}

/// Hexadecimal digits, which may be spread over several lines.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    if digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit) { pairs.collect() } else { None }
}

fn deviation(value: Value, said: &mut BTreeSet<(String, String)>) -> Option<Deviation<LabelText>> {
    let deviation: Deviation<LabelText> = value.parsed("a deviation such as \"drop r0->r1 Prepare(v0 op1) #2\"")?;
    deviation.name.nodes().into_iter().for_each(|node| value.in_cluster(node));
    if let Choice::Misroute(node) = deviation.choice {
        value.in_cluster(node);
    }
    let text = deviation.to_string();
    let verb = text.split(' ').next().unwrap_or_default().to_string();
    if !said.insert((deviation.name.to_string(), verb)) {
        return value.wrong("this decision is decided twice");
    }
    Some(deviation)
}
