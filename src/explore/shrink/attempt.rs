//! Trying a candidate: running it, and keeping it if it still fails in the same way.

use super::{Shrinker, Size, Step};
use crate::base::Event;
use crate::base::hash::hash_bytes;
use crate::explore::{Mishap, Signature};
use crate::scenario::file::print;
use crate::scenario::{Core, Run, Scenario, Settings, Step as Operation, Workload};

/// The plan that repeats a recorded run.
pub(super) fn plan_of(run: &Run) -> Scenario {
    let mut plan = Scenario::clone(run.plan.as_ref().expect("the run was recorded"));
    // Every candidate has a trace of its own; that of the result is written down by whoever keeps it.
    plan.plan.as_mut().expect("a recorded run is a plan").trace.clear();
    plan
}

impl Shrinker<'_> {
    /// Whether the candidate fails in the same way. If it does, it is the best from now on: as recorded, so without
    /// whatever did not come up.
    pub(super) fn attempt(&mut self, candidate: Scenario) -> bool {
        self.attempt_if(candidate, |_, _| true)
    }

    /// The same, if besides `accept` agrees to its size; it is given the new one and the old one.
    pub(super) fn attempt_if(&mut self, candidate: Scenario, accept: impl Fn(&Size, &Size) -> bool) -> bool {
        if !self.is_fair(&candidate)
            || candidate == self.best
            || self.is_over()
            || !self.seen.insert(hash_bytes(print(&candidate).as_bytes()))
        {
            return false;
        }
        self.run_and_judge(&candidate, accept)
    }

    /// As [`Shrinker::attempt`], even if it was tried before.
    pub(super) fn attempt_again(&mut self, candidate: Scenario) -> bool {
        !self.is_over() && self.run_and_judge(&candidate, |_, _| true)
    }

    /// Whether progress is asked of nobody who cannot make any: fewer than a quorum would fail for a reason of their own.
    fn is_fair(&self, candidate: &Scenario) -> bool {
        let needed = self.core_sizes.get(usize::from(candidate.cluster.replicas) - 1).copied().unwrap_or(1);
        if needed > candidate.cluster.replicas {
            return false;
        }
        candidate.phases.iter().filter_map(|phase| phase.quiet.as_ref()).all(|quiet| match &quiet.core {
            Core::Nodes { core, .. } => core.iter().filter(|node| node.is_replica()).count() >= usize::from(needed),
            Core::All | Core::Up | Core::Drawn => true,
        })
    }

    fn run_and_judge(&mut self, candidate: &Scenario, accept: impl Fn(&Size, &Size) -> bool) -> bool {
        self.tries += 1;
        self.counts.entry(self.pass).or_default().0 += 1;
        let kept = match self.runner.run(candidate, &self.settings) {
            Ok(run) => self.judge(run, accept),
            // What a system cannot run at all, with too few replicas say, does not fail in the same way.
            Err(Mishap::Broken(_)) => false,
            Err(mishap @ Mishap::Input(_)) => {
                self.mishap = Some(mishap);
                false
            }
        };
        (self.watch)(&Step { pass: self.pass, tries: self.tries, size: self.size });
        kept
    }

    fn judge(&mut self, mut run: Run, accept: impl Fn(&Size, &Size) -> bool) -> bool {
        let Some(violation) = run.verdict.finding() else { return false };
        let signature = Signature::of(violation);
        let plan = plan_of(&run);
        if !signature.is_same_failure(&self.signature) {
            self.slips.entry(signature).or_insert_with(|| Box::new(plan));
            return false;
        }
        let size = Size::of(&plan, &run);
        if !accept(&size, &self.size) {
            return false;
        }
        run.plan = None;
        self.counts.entry(self.pass).or_default().1 += 1;
        (self.best, self.run, self.size) = (plan, run, size);
        true
    }

    /// The events of the best so far.
    pub(super) fn trace(&mut self) -> Vec<Event> {
        let settings = Settings { trace: true, record: false, ..self.settings.clone() };
        match self.runner.run(&self.best, &settings) {
            Ok(run) => run.trace.unwrap_or_default(),
            Err(mishap) => {
                self.mishap = Some(mishap);
                Vec::new()
            }
        }
    }

    /// The operations of the best so far.
    pub(super) fn operations(&self) -> &[Operation] {
        steps(&self.best)
    }
}

/// The operations of a plan.
pub(super) fn steps(plan: &Scenario) -> &[Operation] {
    match &plan.workload {
        Workload::Explicit(steps) => steps,
        Workload::Drawn(_) => unreachable!("a plan lists its operations"),
    }
}

/// The operations of a plan, to be changed.
pub(super) fn steps_mut(plan: &mut Scenario) -> &mut Vec<Operation> {
    match &mut plan.workload {
        Workload::Explicit(steps) => steps,
        Workload::Drawn(_) => unreachable!("a plan lists its operations"),
    }
}
