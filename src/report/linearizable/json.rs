//! What came of checking a recorded history, for programs.

use serde_json::{Value, json};

use crate::check::linearizability::{Counterexample, Tier, Unfinished, Verdict};
use crate::check::recorded::{NEVER, NOBODY, TextId};

use super::Checked;
use super::sentence::{Explanation, explain};

impl Checked<'_> {
    /// For programs; `docs/linearizability.md` says what each field is.
    pub fn json(&self) -> Value {
        let Checked { name, judgement, .. } = self;
        let decided: serde_json::Map<String, Value> =
            Tier::ALL.iter().map(|tier| (tier.to_string(), json!(judgement.decided[*tier as usize]))).collect();
        let mut value = json!({
            "file": name,
            "verdict": self.verdict(),
            "model": self.model.to_string(),
            "operations": self.operations,
            "objects": self.objects,
            "decided": decided,
            "misled": judgement.misled,
            "misfit": judgement.misfit.map(|place| self.operation(place)),
            "overlaps": self.overlaps.count,
            "nodes": judgement.nodes,
            "repeat": self.repeat,
        });
        match &judgement.verdict {
            Verdict::Linearizable => {}
            Verdict::Impossible(counterexample) => {
                value["counterexample"] = self.counterexample(counterexample);
                value["broken"] = judgement.broken.iter().map(|key| self.key(*key)).collect();
                value["left"] = json!(judgement.left);
            }
            Verdict::Undecided(unfinished) => {
                value["undecided"] = unfinished.iter().map(|one| self.unfinished(one)).collect()
            }
        }
        value
    }

    fn unfinished(&self, one: &Unfinished) -> Value {
        json!({
            "key": self.key(one.key),
            "explained": one.explained,
            "moments": one.moments,
            "until": one.until,
        })
    }

    /// Nothing if nobody has named the object.
    fn key(&self, key: TextId) -> Option<String> {
        (!self.recording.keys.get(key).is_empty()).then(|| self.recording.keys.show(key))
    }

    fn operation(&self, place: u32) -> Value {
        let entry = &self.recording.entries[place as usize];
        json!({
            "operation": self.wording().operation(entry),
            "client": if entry.client == NOBODY { Value::Null } else { json!(entry.client) },
            "call": entry.call,
            "return": if entry.end == NEVER { Value::Null } else { json!(entry.end) },
            "line": if entry.line == 0 { Value::Null } else { json!(entry.line) },
        })
    }

    fn counterexample(&self, counterexample: &Counterexample) -> Value {
        let operations = counterexample.parts.iter().map(|part| {
            let mut operation = self.operation(part.place);
            operation["return_matters"] = json!(part.ends);
            operation
        });
        let prefix = counterexample
            .prefix
            .map(|prefix| json!({ "returned": prefix.returned, "broken_by": self.operation(prefix.broken_by) }));
        let Explanation { because, steps } = explain(self.wording(), counterexample);
        json!({
            "key": self.key(counterexample.key),
            "tier": counterexample.tier.to_string(),
            "because": because,
            "steps": steps,
            "operations": operations.collect::<Vec<_>>(),
            "may_have_happened": counterexample.helpers.iter().map(|place| self.operation(*place)).collect::<Vec<_>>(),
            "alike": counterexample.alike,
            "from_anywhere": counterexample.from_anywhere,
            "minimal": counterexample.minimal,
            "explained": prefix,
        })
    }
}
