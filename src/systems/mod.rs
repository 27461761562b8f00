//! Stand-in until the real one is merged: a system by name only.
#![allow(missing_docs)]

use std::rc::Rc;

use crate::base::Cluster;
use crate::check::Quorums;
use crate::env::{Env, Local};
use crate::scenario::{Client, Registry, System};

struct Nothing;

impl System for Nothing {
    fn format(&self, _: Env, _: Cluster) -> Local<()> {
        Box::pin(async {})
    }
    fn boot(&self, _: Env, _: Cluster) -> Local<()> {
        Box::pin(async {})
    }
    fn client(&self, _: Env, _: Cluster) -> Box<dyn Client> {
        unimplemented!("a stand-in has no clients")
    }
    fn quorums(&self, replicas: u16) -> Quorums {
        Quorums { replication: replicas, view_change: replicas }
    }
}

pub fn registry() -> Registry {
    Registry::new().system("vsr", &["odd", "panic"], |_| Ok(Rc::new(Nothing)))
}
