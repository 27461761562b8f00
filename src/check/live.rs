//! LIVE: in a quiet phase every request of a connected client is answered in time.

use std::rc::Rc;
use std::time::Duration;

use crate::base::event::Outcome;
use crate::base::text::format_duration;
use crate::base::{Cluster, Disks, Event, EventId, EventKind, Instant, NodeId, Operation};

use super::oracle::{Checked, End, Oracle, OracleId, Violation};

/// Times the calls of the core's clients while a quiet phase lasts.
///
/// A machine waits from its call, or from the start of the quiet phase if that is later, until it is told something.
/// Giving up is not being told: a machine that gives up and asks again goes on waiting, or else a client with little
/// patience would hide a cluster that never answers. A client machine that crashes waits for nothing any more.
#[derive(Debug)]
pub struct Live {
    within: Duration,
    cluster: Cluster,
    /// By client machine.
    waits: Vec<Wait>,
    /// Since when it is quiet, and for whom.
    quiet: Option<(Instant, Vec<NodeId>)>,
    /// No call is overdue before this: a lower bound, made exact when it passes.
    alarm: Instant,
    /// Whether there was a quiet phase with a client in its core.
    had_clients: bool,
    checked: u64,
}

/// What a client machine waits for.
#[derive(Clone, Debug, Default)]
struct Wait {
    open: Option<(u64, Rc<Operation>)>,
    /// When the first call began that has not been answered since; kept while the machine gives up and calls again.
    since: Option<Instant>,
    /// How often it has given up since then.
    given_up: u64,
}

impl Live {
    /// Allows every call this long.
    pub fn new(cluster: Cluster, within: Duration) -> Live {
        let waits = vec![Wait::default(); usize::from(cluster.clients)];
        Live { within, cluster, waits, quiet: None, alarm: Instant::NEVER, had_clients: false, checked: 0 }
    }

    /// A quiet phase begins: from now on the clients among `core` must be answered.
    pub fn begin_quiet(&mut self, at: Instant, core: &[NodeId]) {
        self.quiet = Some((at, core.to_vec()));
        self.had_clients |= core.iter().any(|node| !node.is_replica());
        self.alarm = at + self.within;
    }

    /// No call is overdue before this.
    pub fn alarm(&self) -> Instant {
        self.alarm
    }

    /// Whether a call may be overdue at this moment.
    #[inline]
    pub fn is_due(&self, at: Instant) -> bool {
        at > self.alarm
    }

    /// Whether this event is its business: one by which somebody begins or ceases to wait, or the first by which a call may
    /// be overdue.
    pub fn cares(&self, event: &Event) -> bool {
        let waits = matches!(event.kind, EventKind::Call { .. } | EventKind::Return { .. } | EventKind::Crash(_));
        waits || self.is_due(event.at)
    }

    /// The quiet phase is over: faults may strike again, and nothing is owed.
    pub fn end_quiet(&mut self) {
        self.quiet = None;
        self.alarm = Instant::NEVER;
    }

    /// The core's client that has waited longest, and since when its wait counts.
    fn longest(&self) -> Option<(NodeId, Instant)> {
        let (start, core) = self.quiet.as_ref()?;
        let waiting = |node: &NodeId| {
            let wait = &self.waits[usize::from(node.index())];
            wait.open.as_ref().and(wait.since).map(|since| (*node, since.max(*start)))
        };
        core.iter()
            .filter(|node| !node.is_replica() && self.cluster.contains(**node))
            .filter_map(waiting)
            .min_by_key(|(_, since)| *since)
    }

    /// An answer that comes at the last moment is in time; at the end there is none to come.
    fn judge(&mut self, now: Instant, event: EventId, is_end: bool) -> Result<(), Violation> {
        let Some((node, since)) = self.longest() else {
            // Whoever calls from now on has at least this long.
            self.alarm = if self.quiet.is_some() { now + self.within } else { Instant::NEVER };
            return Ok(());
        };
        if now.since(since) < self.within || (!is_end && now.since(since) == self.within) {
            self.alarm = since + self.within;
            return Ok(());
        }
        let wait = &self.waits[usize::from(node.index())];
        let (number, operation) = wait.open.as_ref().expect("who waits longest has a call open");
        let patience = match wait.given_up {
            0 => String::new(),
            1 => ", having given up once before".to_owned(),
            times => format!(", having given up {times} times before"),
        };
        let happened = format!(
            "{node} has waited {} of quiet for an answer, longer than {}: its call #{number} ({operation}) is still open{patience}",
            format_duration(Duration::from_millis(now.since(since).as_millis() as u64)),
            format_duration(self.within)
        );
        let promised = OracleId::Live.promise().to_owned();
        let (nodes, kind) = (vec![node], "waits".to_owned());
        Err(Violation { oracle: OracleId::Live, event, at: now, nodes, role: None, kind, promised, happened })
    }
}

impl Oracle for Live {
    fn id(&self) -> OracleId {
        OracleId::Live
    }

    fn on_event(&mut self, event: &Event, _disks: &dyn Disks) -> Result<(), Violation> {
        if self.is_due(event.at) {
            self.judge(event.at, event.id, false)?;
        }
        let Some(node) = event.node.filter(|node| !node.is_replica()) else {
            return Ok(());
        };
        let wait = &mut self.waits[usize::from(node.index())];
        match &event.kind {
            EventKind::Call { number, operation, .. } => {
                wait.open = Some((*number, operation.clone()));
                wait.since.get_or_insert(event.at);
                if let Some((start, _)) = &self.quiet {
                    self.alarm = self.alarm.min(wait.since.unwrap_or(event.at).max(*start) + self.within);
                    self.checked += 1;
                }
            }
            EventKind::Return { outcome: Outcome::Unknown, .. } => {
                wait.open = None;
                wait.given_up += 1;
            }
            EventKind::Return { .. } | EventKind::Crash(_) => *wait = Wait::default(),
            _ => {}
        }
        Ok(())
    }

    fn on_end(&mut self, end: &End) -> Result<(), Violation> {
        self.judge(end.at, end.event, true)
    }

    fn checked(&self) -> Checked {
        if self.had_clients {
            Checked::Checked(self.checked)
        } else {
            Checked::NotChecked("the run did not come to a quiet phase with a client in its core".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, get, value};
    use super::*;

    /// Calls must be answered within 3 s; c0 and r0, r1 are the core from 10 s on.
    fn quiet_story() -> Story {
        let mut story = Story::of(OracleId::Live);
        story.at_millis(9_000).call(0, 1, get(0)).call(1, 1, get(1));
        story.at_millis(10_000).begin_quiet(&[NodeId::replica(0), NodeId::replica(1), NodeId::client(0)]);
        story
    }

    #[test]
    fn answers_in_time_are_fine() {
        let mut story = quiet_story();
        // c1 is outside the core and may wait for ever; the last moment is in time.
        story.at_millis(13_000).done(0, 1, value("7")).call(0, 2, get(0)).at_millis(16_000).done(0, 2, value("7"));
        story.at_millis(17_000).call(0, 3, get(0)).at_millis(19_000);
        assert_eq!(story.end(), "kept");
        assert_eq!(story.checked(), Checked::Checked(2));
    }

    #[test]
    fn an_old_call_counts_from_the_start_of_the_quiet() {
        let mut story = quiet_story();
        story.at_millis(13_000).boot(2, 1).at_millis(13_001).boot(1, 1);
        let said = "c0 has waited 3.001s of quiet for an answer, longer than 3s: its call #1 (get k0) is still open";
        assert_eq!(story.end(), said);
        assert_eq!(story.nodes(), "c0");
    }

    #[test]
    fn a_new_call_counts_from_itself() {
        let mut story = quiet_story();
        story.at_millis(12_000).done(0, 1, value("7")).at_millis(12_500).call(0, 2, get(0));
        story.at_millis(15_400).boot(2, 1).at_millis(15_600).boot(1, 1);
        assert!(story.end().starts_with("c0 has waited 3.1s"));
    }

    #[test]
    fn the_end_is_looked_at_too() {
        let mut story = quiet_story();
        story.at_millis(13_000);
        assert!(story.end().starts_with("c0 has waited 3s of quiet"));
    }

    #[test]
    fn giving_up_is_no_answer() {
        let mut story = quiet_story();
        for number in 1..=8 {
            story.at_millis(9_900 + number * 400).unknown(0, number).call(0, number + 1, get(0));
        }
        assert!(
            story.end().ends_with("its call #8 (get k0) is still open, having given up 7 times before"),
            "{}",
            story.end()
        );
    }

    #[test]
    fn after_the_quiet_nothing_is_owed() {
        let mut story = quiet_story();
        story.at_millis(12_000).end_quiet().at_millis(20_000).boot(2, 1);
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn a_dead_client_waits_for_nothing() {
        let mut story = quiet_story();
        story.at_millis(11_000).event(NodeId::client(0), EventKind::Crash(crate::base::Incarnation(1)));
        story.at_millis(20_000).boot(2, 1);
        assert_eq!(story.end(), "kept");
    }

    #[test]
    fn without_quiet_it_says_so() {
        let mut story = Story::of(OracleId::Live);
        story.call(0, 1, get(0)).at_millis(90_000).boot(1, 1);
        assert_eq!(story.end(), "kept");
        assert!(matches!(story.checked(), Checked::NotChecked(_)));
    }
}
