//! Stand-in until the real one is merged: reads and writes only a few keys.
#![allow(missing_docs)]

use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

use super::*;
use crate::base::Ratio;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub message: String,
    pub span: Option<Range<usize>>,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn render(&self, file_name: &str, text: &str) -> String {
        let at = self.span.as_ref().map_or(0, |span| span.start);
        let line = text[..at].matches('\n').count() + 1;
        format!("{file_name}:{line}: {}", self.message)
    }
}

pub fn parse_bytes(name: &str, bytes: &[u8], registry: &Registry) -> Result<Scenario, Vec<Diagnostic>> {
    let one = |message: String, span| vec![Diagnostic { message, span, help: None }];
    let text = std::str::from_utf8(bytes).map_err(|error| one(error.to_string(), None))?;
    let table: toml::Table = toml::from_str(text).map_err(|error| one(error.message().to_string(), error.span()))?;
    let mut wrong = Vec::new();
    for key in table.keys() {
        if !["title", "system", "plant", "expect", "check", "entropy", "digest", "build"].contains(&key.as_str()) {
            let start = text.find(key.as_str()).unwrap_or(0);
            wrong.extend(one(format!("unknown field `{key}`"), Some(start..start + key.len())));
        }
    }
    let string = |key: &str| table.get(key).and_then(|value| value.as_str()).map(str::to_string);
    let system = string("system").unwrap_or_default();
    let plant = string("plant");
    if let Err(error) = registry.make(&system, plant.as_deref()) {
        wrong.extend(one(error, None));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let expect = table.get("expect").and_then(|value| value.as_table());
    let number = |key: &str| expect.and_then(|expect| expect.get(key)).and_then(|value| value.as_integer());
    let check = expect.and_then(|expect| expect.get("check")).and_then(|value| value.as_str()?.parse().ok());
    let expect = match expect.and_then(|expect| expect.get("outcome")).and_then(|value| value.as_str()) {
        Some("violation") => Expectation::Violation {
            check,
            shows: match (number("seed"), number("within_seeds")) {
                (Some(seed), _) => Shows::Seed(seed as u64),
                (_, Some(seeds)) => Shows::WithinSeeds(seeds as u64),
                _ => Shows::Always,
            },
        },
        _ => Expectation::Pass,
    };
    let reached = table.get("check").and_then(|check| check.get("reached")).and_then(|value| value.as_array());
    let hex = |key: &str| string(key).and_then(|text| u64::from_str_radix(&text, 16).ok());
    Ok(Scenario {
        name: name.to_string(),
        title: string("title").unwrap_or_default(),
        system,
        plant,
        cluster: crate::base::Cluster { replicas: 3, clients: 1 },
        network: Default::default(),
        storage: Default::default(),
        clocks: Default::default(),
        schedule: Default::default(),
        workload: Workload::Drawn(Mix {
            keys: 1,
            rate: 1,
            shares: Shares { get: Ratio::ZERO, ..Default::default() },
            operations: None,
            give_up_after: None,
        }),
        phases: vec![Phase { name: "only".into(), duration: Duration::from_secs(1), quiet: None, faults: vec![] }],
        check: Checks {
            safety: vec![OracleId::Agree],
            all_requests_complete: None,
            converged: None,
            reached: reached.into_iter().flatten().filter_map(|mark| mark.as_str()).map(str::to_string).collect(),
        },
        expect,
        plan: hex("entropy").map(|entropy| Plan {
            entropy,
            deviations: vec![],
            digest: hex("digest"),
            build: string("build"),
        }),
    })
}

pub fn print(scenario: &Scenario) -> String {
    let mut text = format!("title = {:?}\nsystem = {:?}\n", scenario.title, scenario.system);
    if let Some(plant) = &scenario.plant {
        let _ = writeln!(text, "plant = {plant:?}");
    }
    if let Some(plan) = &scenario.plan {
        let _ = writeln!(text, "entropy = \"{:x}\"", plan.entropy);
        if let Some(digest) = plan.digest {
            let _ = writeln!(text, "digest = \"{digest:x}\"");
        }
        if let Some(build) = &plan.build {
            let _ = writeln!(text, "build = {build:?}");
        }
    }
    if let Expectation::Violation { check, .. } = &scenario.expect {
        let _ = writeln!(text, "[expect]\noutcome = \"violation\"");
        if let Some(check) = check {
            let _ = writeln!(text, "check = {:?}", check.name());
        }
    }
    text
}
