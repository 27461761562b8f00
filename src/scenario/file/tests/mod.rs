//! Scenario files as a whole: what is read, what is refused and how, and that printing and reading are inverses.

mod chance;
mod chance_mistakes;
mod generate;
mod generate_faults;
mod hostile;
mod mistakes;
mod mistakes_of_course;
mod mistakes_of_disks;
mod mistakes_of_links;
mod round_trip;
mod samples;
mod schema;

use std::rc::Rc;
use std::time::Duration;

use crate::base::Cluster;
use crate::check::Quorums;
use crate::env::{Env, Local};
use crate::scenario::{Client, Family, Parameter, Registry, Scenario, System};

use super::parse;

/// A system that exists in name only.
struct Named(Duration);

impl System for Named {
    fn format(&self, _: Env, _: Cluster) -> Local<()> {
        Box::pin(async {})
    }
    fn boot(&self, _: Env, _: Cluster) -> Local<()> {
        Box::pin(async {})
    }
    fn client(&self, _: Env, _: Cluster) -> Box<dyn Client> {
        unreachable!("a file is read, not run")
    }
    fn quorums(&self, replicas: u16) -> Quorums {
        Quorums { replication: replicas / 2 + 1, view_change: replicas / 2 + 1 }
    }
    fn longest_backoff(&self) -> Duration {
        self.0
    }
}

const PARAMETERS: [Parameter; 2] = [
    Parameter { name: "slots", about: "Slots of its ring.", default: 16, least: 8, most: 64, step: 4 },
    Parameter { name: "sessions", about: "Sessions at once.", default: 64, least: 1, most: 1024, step: 1 },
];

fn registry() -> Registry {
    Registry::new()
        .system_with("vsr", &["short-quorum", "early-ack"], &PARAMETERS, |_, _| {
            Ok(Rc::new(Named(Duration::from_secs(2))))
        })
        .system("ping", &[], |_| Ok(Rc::new(Named(Duration::ZERO))))
}

/// Reads a text that is right and has no choices.
fn read(text: &str) -> Scenario {
    read_family(text).only().expect("there are no choices in it").clone()
}

/// Reads a text that is right.
fn read_family(text: &str) -> Family {
    parse("test", text, &registry()).unwrap_or_else(|mistakes| {
        let rendered: String = mistakes.iter().map(|mistake| mistake.render("test.toml", text)).collect();
        panic!("{rendered}\n{text}")
    })
}

/// What is said of a text that is wrong.
fn complaints(text: &str) -> String {
    let mistakes = parse("test", text, &registry()).expect_err(text);
    assert!(!mistakes.is_empty());
    mistakes.iter().map(|mistake| mistake.render("test.toml", text)).collect()
}
