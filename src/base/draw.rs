//! Keyed randomness: the only place in the crate that makes random numbers.
//!
//! There is no shared stream. A decision's dice are `Draw::keyed(seed, key of its name)`; two decisions never share
//! dice, so removing one leaves the others as they were. The generator is a PCG from `rand_pcg`, whose output is fixed
//! by reference vectors; everything on top of its 64-bit words is written here and pinned by golden tests, so that no
//! library update can change a trace.

use std::fmt;

use rand_core::Rng;
use rand_pcg::Mcg128Xsl64;

use super::hash::mix;

/// The dice of one decision.
#[derive(Clone)]
pub struct Draw(Mcg128Xsl64);

impl Draw {
    /// The dice that `seed` gives to the decision whose name has this key.
    #[inline]
    pub fn keyed(seed: u64, key: u64) -> Draw {
        let (low, high) = (mix(seed, key), key.rotate_left(32) ^ seed);
        // Keys are spread over their bits already, and the generator takes a step before its first word.
        Draw(Mcg128Xsl64::new(u128::from(low) | u128::from(high) << 64))
    }

    /// The next 64 bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is not zero. Costs exactly one word, so later draws do not depend on the bound.
    ///
    /// The bias is below `bound / 2^64` (Lemire's multiplication without the rejection step), far below anything a
    /// sweep could see, and worth the fixed cost.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "no number is below zero");
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "an empty range has no numbers");
        match (high - low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.word(),
        }
    }

    /// True with the given probability.
    #[inline]
    pub fn chance(&mut self, ratio: Ratio) -> bool {
        ratio.holds(self.word())
    }

    /// One of the items; `None` only of nothing.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.below(items.len() as u64) as usize) }
    }

    /// Brings the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// A probability as whole billionths, so that no platform's floats can change a decision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ratio(u32);

impl Ratio {
    const WHOLE: u32 = 1_000_000_000;
    /// Never.
    pub const ZERO: Ratio = Ratio(0);
    /// Always.
    pub const ONE: Ratio = Ratio(Ratio::WHOLE);

    /// `parts` of a thousand.
    pub const fn per_thousand(parts: u32) -> Ratio {
        assert!(parts <= 1000);
        Ratio(parts * 1_000_000)
    }

    /// The nearest ratio to a number written in a file, if it is a probability.
    pub fn from_float(value: f64) -> Option<Ratio> {
        // Rounded once, here; afterwards only integers are compared.
        (0.0..=1.0).contains(&value).then(|| Ratio((value * f64::from(Ratio::WHOLE)).round() as u32))
    }

    /// The number a file would hold; exact to nine digits.
    pub fn to_float(self) -> f64 {
        f64::from(self.0) / f64::from(Ratio::WHOLE)
    }

    /// Whether a uniformly drawn word falls within the ratio.
    #[inline]
    pub fn holds(self, word: u64) -> bool {
        ((u128::from(word) * u128::from(Ratio::WHOLE)) >> 64) < u128::from(self.0)
    }

    /// The billionths.
    pub fn parts(self) -> u64 {
        u64::from(self.0)
    }

    /// Whether this never happens.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A probability that is held against a quarter of a word, so that one word decides four things.
///
/// The quarter is mostly enough. Where it is the very one at which the probability ends, a word more decides, with what
/// is left of the probability: so it is exact to the billionth all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quarter {
    /// Quarters below this one are within the probability.
    end: u32,
    /// How much of the quarter `end` is.
    rest: Ratio,
}

impl Quarter {
    const VALUES: u64 = 1 << 16;

    /// For a probability.
    pub fn new(ratio: Ratio) -> Quarter {
        let scaled = ratio.parts() * Quarter::VALUES;
        let whole = u64::from(Ratio::WHOLE);
        Quarter { end: (scaled / whole) as u32, rest: Ratio((scaled % whole) as u32) }
    }

    /// The quarter of a word at a place from 0 to 3.
    #[inline]
    fn of(word: u64, place: u32) -> u32 {
        u32::from((word >> (16 * place)) as u16)
    }

    /// Whether the quarter alone says no.
    #[inline]
    pub fn denies(self, word: u64, place: u32) -> bool {
        Quarter::of(word, place) > self.end
    }

    /// Whether the quarter of a word is within the probability; `more` is asked for another word where it takes that.
    #[inline]
    pub fn holds(self, word: u64, place: u32, more: impl FnOnce() -> u64) -> bool {
        let quarter = Quarter::of(word, place);
        quarter < self.end || (quarter == self.end && self.rest.holds(more()))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_float())
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change here changes every trace ever pinned. Never update it to make a build pass.
    #[test]
    fn golden_values_of_every_draw() {
        let mut lines = Vec::new();
        for (seed, key) in [(0, 0), (0, 1), (1, 0), (7, 0xdead_beef)] {
            let draw = || Draw::keyed(seed, key);
            let mut many = draw();
            let mut shuffled = [0, 1, 2, 3, 4, 5, 6, 7];
            draw().shuffle(&mut shuffled);
            lines.push(format!(
                "seed {seed} key {key:x}: words {:016x} {:016x} below(1000) {} between(5,9) {} between(0,max) {:x} chance(1/2) {} pick {:?} shuffle {:?}",
                many.word(),
                many.word(),
                draw().below(1000),
                draw().between(5, 9),
                draw().between(0, u64::MAX),
                draw().chance(Ratio::per_thousand(500)),
                draw().pick(&["a", "b", "c"]),
                shuffled,
            ));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        seed 0 key 0: words 6cf72e90b18c54cd 04addb15a9bf6fd8 below(1000) 425 between(5,9) 7 between(0,max) 6cf72e90b18c54cd chance(1/2) true pick Some("b") shuffle [1, 5, 4, 6, 2, 7, 0, 3]
        seed 0 key 1: words 35102093bf82cf69 120e52a811e2346b below(1000) 207 between(5,9) 6 between(0,max) 35102093bf82cf69 chance(1/2) true pick Some("a") shuffle [6, 3, 4, 5, 7, 2, 0, 1]
        seed 1 key 0: words 9fd177c43999c59d 6ca6855be45eb284 below(1000) 624 between(5,9) 8 between(0,max) 9fd177c43999c59d chance(1/2) false pick Some("b") shuffle [5, 7, 3, 1, 6, 0, 2, 4]
        seed 7 key deadbeef: words a49f5391eb2456e3 06761ed4729bd564 below(1000) 643 between(5,9) 8 between(0,max) a49f5391eb2456e3 chance(1/2) false pick Some("b") shuffle [4, 6, 2, 1, 3, 7, 0, 5]
        "#);
    }

    #[test]
    fn frequencies_are_right() {
        let hits = |ratio| (0..100_000).filter(|key| Draw::keyed(3, *key).chance(ratio)).count();
        assert_eq!(hits(Ratio::ZERO), 0);
        assert_eq!(hits(Ratio::ONE), 100_000);
        assert!((9_500..10_500).contains(&hits(Ratio::per_thousand(100))));
    }

    #[test]
    fn neighbouring_keys_are_independent() {
        // Were keys and seeds weakly mixed, the joint counts of neighbours would be lopsided.
        let mut cells = [0u32; 16];
        for key in 0..64_000 {
            let cell = Draw::keyed(9, key).below(4) * 4 + Draw::keyed(9, key + 1).below(4);
            cells[cell as usize] += 1;
        }
        assert!(cells.iter().all(|count| (3_700..4_300).contains(count)), "{cells:?}");
    }

    #[test]
    fn a_quarter_is_as_exact_as_a_word() {
        let parts = [0, 1, 15_258, 15_259, 10_000_000, 500_000_000, 999_999_999, Ratio::WHOLE];
        for ratio in parts.map(Ratio) {
            let quarter = Quarter::new(ratio);
            // In billionths of a quarter's values: those below the end, and the part of the end itself.
            let exact = u64::from(quarter.end) * u64::from(Ratio::WHOLE) + quarter.rest.parts();
            assert_eq!(exact, ratio.parts() * Quarter::VALUES, "{ratio}");
            for (word, more) in (0..40_000).map(|key| (Draw::keyed(5, key).word(), Draw::keyed(6, key).word())) {
                for place in 0..4 {
                    let holds = quarter.holds(word, place, || more);
                    assert!(!(holds && quarter.denies(word, place)));
                }
            }
        }
        let often = Quarter::new(Ratio::per_thousand(300));
        let hits = (0..100_000)
            .map(|key| Draw::keyed(3, key).word())
            .filter(|word| often.holds(*word, 1, || 0) && often.holds(*word, 2, || 0));
        assert!((8_700..9_300).contains(&hits.count()), "two quarters of a word are independent");
    }

    #[test]
    fn ratios_read_back() {
        for value in [0.0, 0.01, 0.015, 1.0 / 3.0, 0.999_999_999, 1.0] {
            let ratio = Ratio::from_float(value).unwrap();
            assert_eq!(Ratio::from_float(ratio.to_float()), Some(ratio));
        }
        assert_eq!(Ratio::from_float(1.5), None);
        assert_eq!(Ratio::from_float(-0.1), None);
        assert_eq!(Ratio::from_float(f64::NAN), None);
    }
}
