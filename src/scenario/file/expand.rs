//! Making the choices of a file: from a tree with choices to one without.
//!
//! Each choice has dice of its own, found by its *path*: the keys that lead to it, as in `network.loss`, with the name
//! of an element behind the key of its list, as in `phase storm.fault 3fa9c2d1`. Behind a `#` stands which of the choices
//! of that place it is. No choice depends on another one, on the order of keys, or on where in its list an element
//! stands. So whoever takes a fault out of a file finds everything else as it was, with any seed.
//!
//! The alternatives of one `any` share their dice: what stands in the second has the path it would have in the first.
//! Only one of them is ever there, so nobody could tell, and an alternative that changes leaves the others alone.

use std::borrow::Cow;
use std::ops::Range as Place;

use crate::base::name::key;
use crate::base::{Draw, Ratio};

use super::choice::{Alternatives, Draft, Form, Item, Members};
use super::diagnostic::Diagnostic;
use super::range::Range;
use super::tree::{Entries, Entry, Node, Tree};

/// A scenario has some hundreds of values. What repeats itself up to this many times that is a slip of the hand.
const VALUES: usize = 10_000;

/// No list needs more copies of one element.
const COPIES: u64 = 64;

/// One thing that was chosen for a seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Where, and what sort of choice: `network.loss#between`, `phase storm.fault 3fa9c2d1#chance`.
    pub path: String,
    /// What: a value as a file would say it, or `present` or `absent` for a chance.
    pub what: String,
    /// Of an `any`: which of how many alternatives, counted from 1.
    pub alternative: Option<(usize, usize)>,
    /// Which bytes of the text say the choice.
    pub span: Place<usize>,
}

/// What decides.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dice {
    /// The dice of a seed.
    Seed(u64),
    /// Nothing is left to chance, so that everything has its turn.
    Turn(Turn),
}

/// One of the ways to try everything a file may say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Which of the alternatives is chosen, counting those in the alternatives.
    pub alternative: usize,
    /// Which end of each range is taken, 0 or 1.
    pub end: usize,
    /// Whether what may be absent is there.
    pub present: bool,
}

/// A tree without choices, and how it came about.
pub(super) struct Expansion<'a> {
    pub entries: Entries<'a>,
    pub mistakes: Vec<Diagnostic>,
    /// What was chosen, if somebody wants to know.
    pub choices: Option<Vec<Choice>>,
}

/// Makes the choices of a file whose lines begin at these bytes.
pub(super) fn expand<'a>(members: &'a Members, lines: &'a [usize], dice: Dice, listen: bool) -> Expansion<'a> {
    let turn = match dice {
        Dice::Seed(_) => 0,
        Dice::Turn(turn) => turn.alternative,
    };
    let choices = listen.then(Vec::new);
    let mut expander =
        Expander { dice, turn, lines, path: String::with_capacity(80), values: 0, mistakes: Vec::new(), choices };
    let entries = expander.members(members);
    let Expander { mistakes, choices, .. } = expander;
    Expansion { entries, mistakes, choices }
}

struct Expander<'a> {
    dice: Dice,
    /// Of a [`Turn`], what is left of its alternative for the part that is being read.
    turn: usize,
    lines: &'a [usize],
    path: String,
    values: usize,
    mistakes: Vec<Diagnostic>,
    choices: Option<Vec<Choice>>,
}

impl<'a> Expander<'a> {
    fn value(&mut self, draft: &'a Draft) -> Option<Node<'a>> {
        // Counted even if nothing comes of it, because copies of nothing take their time as well.
        if !self.takes(1, &draft.span) {
            return None;
        }
        if let Some(chance) = draft.chance
            && !self.is_present(chance, &draft.span)
        {
            return None;
        }
        let span = draft.span.clone();
        match &draft.form {
            Form::Plain(node, size) => self.takes(*size - 1, &span).then(|| node.lent()),
            Form::List(items) => Some(Node { span, value: Tree::Array(self.items(items)) }),
            Form::Table(members) => Some(Node { span, value: Tree::Table(self.members(members)) }),
            Form::Any(any) => self.any(any, &span),
            Form::Between { range, ends } => Some(self.between(range, ends, &span)),
            Form::Broken => None,
        }
    }

    fn members(&mut self, members: &'a Members) -> Entries<'a> {
        let mut entries = Entries::new();
        for member in &members.entries {
            let value = self.within(".", &member.key, |expander| expander.value(&member.value));
            if let Some(node) = value {
                entries.insert(Cow::Borrowed(&member.key), Entry { key: member.place.clone(), node });
            }
        }
        if let Some(any) = &members.any {
            let span = any.alternatives[0].span.start..any.alternatives[any.alternatives.len() - 1].span.end;
            match self.any(any, &span) {
                None => {}
                Some(Node { value: Tree::Table(alternative), .. }) => self.merge(&mut entries, alternative),
                Some(other) => {
                    let message = "what is merged into a table has to be a table";
                    let help = "`any` stands beside other keys here; without them, it would stand for the whole value";
                    self.mistakes.push(Diagnostic::at(other.span, message).help(help));
                }
            }
        }
        entries
    }

    /// Puts an alternative into the rest of its table.
    fn merge(&mut self, entries: &mut Entries<'a>, alternative: Entries<'a>) {
        for (key, entry) in alternative {
            let Some(other) = entries.get_mut(&key) else {
                entries.insert(key, entry);
                continue;
            };
            match (&mut other.node.value, entry.node.value) {
                (Tree::Table(rest), Tree::Table(more)) => self.merge(rest, more),
                _ => {
                    let line = self.lines.partition_point(|start| *start <= other.key.start);
                    let message =
                        format!("`{key}` stands in this alternative, and beside `any` in line {line} as well");
                    let help = "one of the two has to go, for it would not be clear which counts";
                    self.mistakes.push(Diagnostic::at(entry.key, message).help(help));
                }
            }
        }
    }

    fn items(&mut self, items: &'a [Item]) -> Vec<Node<'a>> {
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            self.within(" ", &item.name, |expander| match &item.repeat {
                None => nodes.extend(expander.value(&item.value)),
                Some(repeat) => {
                    for copy in 1..=expander.copies(repeat) {
                        let copy = format!("copy {copy}");
                        nodes.extend(expander.within(" ", &copy, |expander| expander.value(&item.value)));
                    }
                }
            });
        }
        nodes
    }

    fn copies(&mut self, repeat: &'a Draft) -> u64 {
        // A number of copies that is absent by chance is as good as none said.
        let Some(count) = self.within(".", "repeat", |expander| expander.value(repeat)) else { return 1 };
        let copies = match &count.value {
            Tree::Integer(integer) => integer.whole().filter(|copies| *copies <= COPIES),
            _ => None,
        };
        copies.unwrap_or_else(|| {
            let message = format!("`repeat` is a whole number from 0 to {COPIES}, and here stands {}", count.value);
            self.mistakes.push(Diagnostic::at(count.span, message));
            1
        })
    }

    fn any(&mut self, any: &'a Alternatives, span: &Place<usize>) -> Option<Node<'a>> {
        let before = self.turn;
        let index = match self.dice {
            Dice::Seed(seed) => weighed(&mut self.draw(seed, "any"), &any.weights),
            Dice::Turn(_) => {
                let turns: usize = any.alternatives.iter().map(|alternative| alternative.turns).sum();
                self.turn %= turns;
                let mut index = 0;
                while self.turn >= any.alternatives[index].turns {
                    self.turn -= any.alternatives[index].turns;
                    index += 1;
                }
                index
            }
        };
        let place = self.choices.as_mut().map(|choices| {
            let path = format!("{}#any", self.path);
            let alternative = Some((index + 1, any.alternatives.len()));
            choices.push(Choice { path, what: String::new(), alternative, span: span.clone() });
            choices.len() - 1
        });
        let node = self.within(".", "any", |expander| expander.value(&any.alternatives[index]));
        if let (Some(choices), Some(place)) = (&mut self.choices, place) {
            choices[place].what = node.as_ref().map_or("absent".to_string(), |node| node.value.to_string());
        }
        self.turn = before;
        node
    }

    fn between(&mut self, range: &Range, ends: &'a [Node<'static>; 2], span: &Place<usize>) -> Node<'a> {
        match self.dice {
            Dice::Turn(turn) => ends[turn.end].lent(),
            Dice::Seed(seed) => {
                let value = range.draw(&mut self.draw(seed, "between"));
                self.note("between", span, || value.to_string());
                Node { span: span.clone(), value }
            }
        }
    }

    fn is_present(&mut self, chance: Ratio, span: &Place<usize>) -> bool {
        match self.dice {
            // What is always there need not be tried without.
            Dice::Turn(turn) => turn.present || chance == Ratio::ONE,
            Dice::Seed(seed) => {
                let present = self.draw(seed, "chance").chance(chance);
                self.note("chance", span, || if present { "present" } else { "absent" }.to_string());
                present
            }
        }
    }

    /// The dice of one of the choices at the present place.
    fn draw(&mut self, seed: u64, choice: &str) -> Draw {
        self.within("#", choice, |expander| Draw::keyed(seed, key::choice(&expander.path)))
    }

    fn note(&mut self, choice: &str, span: &Place<usize>, what: impl FnOnce() -> String) {
        if let Some(choices) = &mut self.choices {
            let path = format!("{}#{choice}", self.path);
            choices.push(Choice { path, what: what(), alternative: None, span: span.clone() });
        }
    }

    /// Goes a step down the path and comes back.
    fn within<T>(&mut self, joint: &str, step: &str, work: impl FnOnce(&mut Expander<'a>) -> T) -> T {
        let length = self.path.len();
        if length > 0 || joint == "#" {
            self.path.push_str(joint);
        }
        self.path.push_str(step);
        let result = work(self);
        self.path.truncate(length);
        result
    }

    /// Counts the values that come out, and says when there are too many.
    fn takes(&mut self, values: usize, span: &Place<usize>) -> bool {
        let before = self.values;
        self.values = before.saturating_add(values);
        if before <= VALUES && self.values > VALUES {
            let message = format!("with this, more than {VALUES} values stand in the file of one seed");
            self.mistakes.push(Diagnostic::at(span.clone(), message));
        }
        self.values <= VALUES
    }
}

/// The index of a weight, drawn by weight.
fn weighed(draw: &mut Draw, weights: &[u64]) -> usize {
    let mut rest = draw.below(weights.iter().sum());
    for (index, weight) in weights.iter().enumerate() {
        if rest < *weight {
            return index;
        }
        rest -= weight;
    }
    unreachable!("the draw is below the sum of the weights")
}
