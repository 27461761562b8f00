//! Parts of the world by themselves: the event queue, the dice and the digest, a function for each.

use foretell::base::{Digest, Draw, Instant};
use foretell::exec::{Agenda, Class};
use rand_pcg::Pcg32;

use super::{SEED, below};

/// No item of the queue waits longer than this many nanoseconds.
const WAIT_MAX: u32 = 10_000_000;

/// An event queue in the hold model: as many items wait after each step as before it.
pub struct Held {
    agenda: Agenda,
    random: Pcg32,
}

impl Held {
    /// A queue in which so many items wait.
    pub fn new(pending: u32) -> Held {
        let mut held = Held { agenda: Agenda::new(), random: Pcg32::new(SEED, 0) };
        (0..pending).for_each(|item| held.enter(item));
        held
    }

    fn enter(&mut self, item: u32) {
        let wait = 1 + u64::from(below(&mut self.random, WAIT_MAX));
        let at = self.agenda.now().as_nanos() + wait;
        self.agenda.enter(Instant::from_nanos(at), Class::Usual, item);
    }

    /// Takes the next item, and enters it again at a random later time.
    pub fn step(&mut self) {
        let item = self.agenda.next(Instant::NEVER, |_, _| true, |_| ()).expect("what was taken is entered again");
        self.enter(item);
    }
}

/// The dice of one decision, thrown so often.
pub fn decide(key: u64, words: u64) -> u64 {
    let mut draw = Draw::keyed(SEED, key);
    (0..words).fold(0, |all, _| all ^ draw.word())
}

/// A digest that is fed.
pub struct Fed(Digest);

impl Fed {
    /// The digest of nothing.
    pub fn new() -> Fed {
        Fed(Digest::START)
    }

    /// Feeds one more word. Each has to wait for the one before, as in a world.
    pub fn feed(&mut self, word: u64) {
        self.0.feed(word);
    }
}
