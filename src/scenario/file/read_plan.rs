//! Reading what makes a scenario a plan: `entropy`, `deviations`, `digest` and `build`.

use std::collections::BTreeSet;

use crate::base::LabelText;
use crate::scenario::Plan;
use crate::world::Deviation;

use super::read_values::seed;
use super::reader::{Table, Value, quoted};

/// The keys that make a file a plan. Any of them does.
pub(super) const PLAN: [&str; 4] = ["entropy", "deviations", "digest", "build"];

/// What makes it a plan, if it is one.
pub(super) fn plan(root: &mut Table) -> Option<Plan> {
    if root.take_any(&PLAN).is_empty() {
        return None;
    }
    // A plan without entropy would take the system's own dice from nowhere.
    let entropy = root.need("entropy").and_then(seed);
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
    Some(Plan { entropy: entropy?, deviations, digest, build })
}

fn deviation(value: Value, said: &mut BTreeSet<(String, String)>) -> Option<Deviation<LabelText>> {
    let deviation: Deviation<LabelText> = value.parsed("a deviation such as \"drop r0->r1 Prepare(v0 op1) #2\"")?;
    deviation.name.nodes().into_iter().for_each(|node| value.in_cluster(node));
    let text = deviation.to_string();
    let verb = text.split(' ').next().unwrap_or_default().to_string();
    if !said.insert((deviation.name.to_string(), verb)) {
        return value.wrong("this decision is decided twice");
    }
    Some(deviation)
}
