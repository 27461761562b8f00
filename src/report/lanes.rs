//! Text lanes: a past as a picture of characters, one column for each node, one line for each step, time downwards.
//!
//! ```text
//!  time       c0                      r0                      r1
//!  0.001500   ├────Request(n1)────────▶                       │
//!  0.002500   │                       ├───Prepare(v0 op1)────╳│       the packet is lost
//!  0.003100   │                       ● acks 1 (1e21d38a) in epoch 0
//!             ── partition r0 c0 | r1 ──────────────────────────
//! ```
//!
//! A node's own doings stand to the right of its column, or to its left where there is no room, and may cover other
//! columns. A column is blank while its node is down and dotted while it is paused. A dotted arrow is one whose send
//! stands on a line further up. `#2` is the second packet of its label on its link, `×3` stands for three of them.

use std::collections::BTreeMap;

use crate::base::{EventKind, Instant, Lost, NodeId};

use super::past::Past;
use super::steps::{Fate, Message, Step, What, doing, on_one_line};
use super::words::{counted, moment, wrapped};

/// How wide a picture is, unless so many nodes take part that it cannot be.
const WIDTH: usize = 110;

/// How far apart columns are at most and at least.
const GAP_MAX: usize = 24;
const GAP_MIN: usize = 9;

/// How much of the width the columns take; the rest is for what the last nodes do.
const COLUMNS: usize = 80;

/// The picture, each line without blanks at its end and with a line feed after it.
pub fn lanes(past: &Past) -> String {
    let steps = past.steps();
    let mut lanes = Lanes::new(past, &steps);
    if past.left_out > 0 && past.broken.is_some() {
        lanes.rule('┄', &format!("{} left out", counted(past.left_out, "lesser event")));
    }
    for step in &steps {
        lanes.step(step);
    }
    lanes.end(past, &steps);
    lanes.text
}

struct Lanes {
    columns: BTreeMap<NodeId, usize>,
    /// How each node's column is drawn at the moment.
    lifelines: BTreeMap<NodeId, char>,
    /// The width of the times.
    margin: usize,
    /// The time that stands on the last line.
    last: String,
    /// Event and word of the broken promise.
    broken: Option<(crate::base::EventId, String)>,
    text: String,
}

impl Lanes {
    fn new(past: &Past, steps: &[Step]) -> Lanes {
        let longest = steps.iter().map(|step| moment(step.at).len()).max().unwrap_or(0);
        let margin = longest.max("time".len()) + 2;
        let gap = (COLUMNS / past.nodes.len().saturating_sub(1).max(1)).clamp(GAP_MIN, GAP_MAX);
        let columns: BTreeMap<NodeId, usize> =
            past.nodes.iter().enumerate().map(|(index, node)| (*node, margin + index * gap)).collect();
        let lifelines = past.nodes.iter().map(|node| (*node, '│')).collect();
        let broken = past.broken.as_ref().map(|broken| (broken.event, broken.oracle.to_string()));
        let mut lanes = Lanes { columns, lifelines, margin, last: String::new(), broken, text: String::new() };
        let mut line = Line::default();
        line.write(0, "time");
        for (node, column) in &lanes.columns {
            line.write(*column, &node.to_string());
        }
        lanes.push(line);
        lanes
    }

    fn push(&mut self, line: Line) {
        self.text.push_str(&line.text());
        self.text.push('\n');
    }

    /// A line with the time, if that is not the one above, and all columns.
    fn line(&mut self, at: Instant) -> Line {
        let mut line = Line::default();
        let time = moment(at);
        if self.last != time {
            line.write(0, &time);
            self.last = time;
        }
        for (node, column) in &self.columns {
            line.put(*column, self.lifelines[node]);
        }
        line
    }

    /// A line across all columns.
    fn rule(&mut self, dash: char, text: &str) {
        let mut line = Line::default();
        line.write(self.margin, &format!("{dash}{dash} {text} "));
        let end = line.0.len().max(self.columns.values().max().map_or(0, |column| column + 4)).max(self.margin + 60);
        line.fill(line.0.len(), end, dash);
        self.push(line);
    }

    fn step(&mut self, step: &Step) {
        match &step.what {
            What::World(text) => {
                let text = if self.last == moment(step.at) {
                    text.clone()
                } else {
                    format!("{text}, at {}s", moment(step.at))
                };
                self.rule('─', &text);
            }
            What::Node(node, kind) => self.node(step, *node, kind),
            What::Sends(message) => {
                let text = format!("sends {} to {}", message.name(), message.to);
                let line = self.line(step.at);
                self.say(line, message.from, '●', &text, None);
            }
            What::Message(message, fate) => self.message(step, message, *fate),
        }
    }

    fn node(&mut self, step: &Step, node: NodeId, kind: &EventKind) {
        let (point, after) = match kind {
            EventKind::Crash(_) | EventKind::Panic(_) => ('╳', ' '),
            EventKind::Boot(_) | EventKind::Resume => ('●', '│'),
            EventKind::Pause => ('●', '┊'),
            _ => ('●', self.lifelines[&node]),
        };
        let line = self.line(step.at);
        let broken = self.broken.clone().filter(|(event, _)| *event == step.event).map(|(_, oracle)| oracle);
        self.say(line, node, point, &doing(kind), broken);
        self.lifelines.insert(node, after);
    }

    /// Writes what a node does next to its column, where there is room.
    fn say(&mut self, mut line: Line, node: NodeId, point: char, text: &str, broken: Option<String>) {
        let column = self.columns[&node];
        let right = match &broken {
            Some(oracle) => format!(" {text}   ◀── {oracle}"),
            None => format!(" {text}"),
        };
        let left = match &broken {
            Some(oracle) => format!("{oracle} ──▶   {text} "),
            None => format!("{text} "),
        };
        let (right_length, left_length) = (right.chars().count(), left.chars().count());
        line.put(column, point);
        if column + 1 + right_length > WIDTH && left_length + self.margin <= column {
            line.write(column - left_length, &left);
        } else {
            line.write(column + 1, &right);
        }
        self.push(line);
    }

    fn message(&mut self, step: &Step, message: &Message, fate: Fate) {
        let (from, to) = (self.columns[&message.from], self.columns[&message.to]);
        let mut line = self.line(step.at);
        let name = match fate {
            Fate::Lost(Lost::Dropped) => format!("{} dropped", message.name()),
            Fate::UnderWay => format!("{} under way", message.name()),
            _ => message.name(),
        };
        if from == to {
            let what = format!("sends itself {name}");
            return self.say(line, message.from, '●', &what, None);
        }
        let (left, right) = (from.min(to), from.max(to));
        line.fill(left + 1, right, if message.told { '┄' } else { '─' });
        line.put(from, if from < to { '├' } else { '┤' });
        match fate {
            Fate::Received => line.put(to, if from < to { '▶' } else { '◀' }),
            Fate::Lost(_) => line.put(if from < to { to - 1 } else { to + 1 }, '╳'),
            Fate::UnderWay => line.put(if from < to { to - 1 } else { to + 1 }, '…'),
        }
        // The name stands in the arrow if that leaves something of it, else to its right, else to its left. The end
        // before the receiver belongs to the sign of what became of it.
        let room = right - left - 1 - usize::from(fate != Fate::Received);
        let length = name.chars().count();
        if length <= room {
            let start = left + 1 + usize::from(fate != Fate::Received && from > to);
            line.write(start + (room - length) / 2, &name);
        } else if right + 2 + length <= WIDTH || length + 1 + self.margin > left {
            line.write(right + 2, &name);
        } else {
            line.write(left - 1 - length, &name);
        }
        self.push(line);
    }

    /// Says what was broken if no line has said so.
    fn end(&mut self, past: &Past, steps: &[Step]) {
        let Some(broken) = &past.broken else {
            if past.left_out > 0 {
                self.rule('┄', &format!("{} left out", counted(past.left_out, "later event")));
            }
            return;
        };
        if !steps.iter().any(|step| step.event == broken.event && matches!(step.what, What::Node(..))) {
            let happened = on_one_line(&broken.happened);
            let text = format!("{} is broken at {}s: {happened}", broken.oracle, moment(broken.at));
            let width = WIDTH - self.margin - 4;
            for part in wrapped(&text, width) {
                self.rule('═', &part);
            }
        }
        for stand in &past.stands {
            let mut line = Line::default();
            line.write(self.margin, stand);
            self.push(line);
        }
    }
}

/// A line of characters, as long as it needs to be.
#[derive(Default)]
struct Line(Vec<char>);

impl Line {
    fn put(&mut self, at: usize, character: char) {
        if self.0.len() <= at {
            self.0.resize(at + 1, ' ');
        }
        self.0[at] = character;
    }

    fn write(&mut self, at: usize, text: &str) {
        text.chars().enumerate().for_each(|(offset, character)| self.put(at + offset, character));
    }

    fn fill(&mut self, from: usize, to: usize, character: char) {
        (from..to).for_each(|at| self.put(at, character));
    }

    fn text(&self) -> String {
        self.0.iter().collect::<String>().trim_end().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::past::whole;
    use crate::report::samples;

    #[test]
    fn every_kind_of_event_is_one_line() {
        let mut shown = samples::trace()[..1].to_vec();
        for (id, kind) in (2..).zip(samples::every_kind()) {
            let node =
                Some(if matches!(kind, EventKind::Deliver { .. }) { NodeId::replica(1) } else { NodeId::replica(0) });
            let id = crate::base::EventId(id);
            shown.push(crate::base::Event { id, node, kind, ..shown[0].clone() });
        }
        let past =
            Past { nodes: vec![NodeId::client(0), NodeId::replica(0), NodeId::replica(1)], shown, ..Past::default() };
        let picture = lanes(&past);
        assert_eq!(picture.lines().count(), 1 + past.shown.len());
        assert!(picture.chars().all(|character| character == '\n' || !character.is_control()));
        assert!(picture.lines().all(|line| line == line.trim_end()));
    }

    #[test]
    fn many_nodes_still_have_a_column_each() {
        let nodes: Vec<NodeId> =
            [NodeId::client(0), NodeId::client(1)].into_iter().chain((0..9).map(NodeId::replica)).collect();
        let past = Past { nodes, shown: samples::trace()[4..5].to_vec(), ..Past::default() };
        insta::assert_snapshot!(lanes(&past), @"
        time      c0       c1       r0       r1       r2       r3       r4       r5       r6       r7       r8
        0.002000  │        │        ├───────…│ Prepare(v0 op3) under way│        │        │        │        │
        ");
    }

    #[test]
    fn a_short_run() {
        insta::assert_snapshot!(lanes(&whole(&samples::trace())), @"
        time      c0                      r0                      r1
        0.001500  ● calls #1 put k0 v1    │                       │
        0.002000  │                       ├────Prepare(v0 op3)────▶
        2.004000  │                       │                       ● commits 3 (0000001f) in epoch 0
        ");
    }
}
