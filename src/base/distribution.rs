//! Distributions of durations, sampled with integers only.

use std::time::Duration;

use super::draw::{Draw, Ratio};
use super::quantiles::{EXPONENTIAL, LOG_NORMAL};
use super::time::nanos;

/// How long something takes. Every sample costs the same number of words of its [`Draw`], whatever the shape, so
/// changing a distribution moves no other draw of the same decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Equally likely anywhere between the two, both included.
    Uniform {
        /// The least.
        min: Duration,
        /// The greatest.
        max: Duration,
    },
    /// `min` plus an exponentially distributed rest, such that the mean is `mean` (before the cut at `max`).
    Exponential {
        /// The least.
        min: Duration,
        /// The mean, before the cut.
        mean: Duration,
        /// Longer samples are cut to this.
        max: Duration,
    },
    /// `min` plus a log-normally distributed rest with sigma 1: mostly short, with a long tail.
    LogNormal {
        /// The least.
        min: Duration,
        /// The mean, before the cut.
        mean: Duration,
        /// Longer samples are cut to this.
        max: Duration,
    },
    /// `fast`, but `slow` with a small probability: a queue that sometimes stalls.
    Bimodal {
        /// The usual duration.
        fast: Duration,
        /// The unusual one.
        slow: Duration,
        /// How often it is the unusual one.
        share: Ratio,
    },
}

impl Distribution {
    /// The duration in a calm run: the value a decision takes when nothing deviates.
    pub fn calm(&self) -> Duration {
        match *self {
            Distribution::Constant(value) => value,
            Distribution::Uniform { min, max } => min + (max - min) / 2,
            Distribution::Exponential { mean, .. } | Distribution::LogNormal { mean, .. } => mean,
            Distribution::Bimodal { fast, .. } => fast,
        }
    }

    /// Whether every sample is [`Distribution::calm`].
    pub fn is_constant(&self) -> bool {
        matches!(self, Distribution::Constant(_))
    }

    /// The longest sample there can be.
    pub fn max(&self) -> Duration {
        match *self {
            Distribution::Constant(value) => value,
            Distribution::Uniform { max, .. }
            | Distribution::Exponential { max, .. }
            | Distribution::LogNormal { max, .. } => max,
            Distribution::Bimodal { fast, slow, .. } => fast.max(slow),
        }
    }

    /// One sample. Takes exactly one word.
    pub fn sample(&self, draw: &mut Draw) -> Duration {
        Duration::from_nanos(self.sampler().sample(draw))
    }

    /// The distribution made ready for being sampled often.
    pub fn sampler(&self) -> Sampler {
        let shape = match *self {
            Distribution::Constant(value) => Shape::Uniform { min: nanos(value), width: 0 },
            Distribution::Uniform { min, max } => Shape::Uniform { min: nanos(min), width: nanos(max) - nanos(min) },
            Distribution::Exponential { min, mean, max } => {
                Shape::Exponential { min: nanos(min), rest: nanos(mean).saturating_sub(nanos(min)), max: nanos(max) }
            }
            Distribution::LogNormal { min, mean, max } => {
                Shape::LogNormal { min: nanos(min), rest: nanos(mean).saturating_sub(nanos(min)), max: nanos(max) }
            }
            Distribution::Bimodal { fast, slow, share } => {
                Shape::Bimodal { fast: nanos(fast), slow: nanos(slow), share }
            }
        };
        Sampler { shape, calm: nanos(self.calm()) }
    }
}

/// A [`Distribution`] in whole nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    shape: Shape,
    calm: u64,
}

/// Lengths in nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Uniform { min: u64, width: u64 },
    Exponential { min: u64, rest: u64, max: u64 },
    LogNormal { min: u64, rest: u64, max: u64 },
    Bimodal { fast: u64, slow: u64, share: Ratio },
}

impl Sampler {
    /// [`Distribution::calm`] in nanoseconds.
    #[inline]
    pub fn calm(&self) -> u64 {
        self.calm
    }

    /// One sample in nanoseconds. Takes exactly one word.
    #[inline]
    pub fn sample(&self, draw: &mut Draw) -> u64 {
        let word = draw.word();
        match self.shape {
            Shape::Uniform { min, width } => within(min, width, word),
            ref curved => curved.value(word),
        }
    }
}

impl Shape {
    fn value(&self, word: u64) -> u64 {
        match *self {
            Shape::Uniform { min, width } => within(min, width, word),
            Shape::Exponential { min, rest, max } => scaled(exponential(word), min, rest, max),
            Shape::LogNormal { min, rest, max } => scaled(log_normal(word), min, rest, max),
            Shape::Bimodal { fast, slow, share } => {
                if share.holds(word) {
                    slow
                } else {
                    fast
                }
            }
        }
    }
}

/// From `min` to `min + width`, both included.
#[inline]
fn within(min: u64, width: u64, word: u64) -> u64 {
    min + ((u128::from(word) * (u128::from(width) + 1)) >> 64) as u64
}

/// `min + factor * rest`, at most `max`; the factor in units of 2^-32.
fn scaled(factor: u64, min: u64, rest: u64, max: u64) -> u64 {
    let total = u128::from(min) + ((u128::from(factor) * u128::from(rest)) >> 32);
    u64::try_from(total).unwrap_or(u64::MAX).min(max)
}

/// An exponential variate of mean 1 in units of 2^-32, by linear interpolation between quantiles.
fn exponential(mut word: u64) -> u64 {
    let mut base = 0;
    // Eight bits choose the cell. The last cell is the tail; having no memory, it is the whole distribution again.
    for _ in 0..4 {
        let cell = (word >> 56) as usize;
        if cell < 255 {
            return base + interpolate(EXPONENTIAL[cell], EXPONENTIAL[cell + 1], word << 8);
        }
        base += EXPONENTIAL[255];
        word <<= 8;
    }
    base
}

/// A log-normal variate of mean 1 and sigma 1 in units of 2^-32.
fn log_normal(word: u64) -> u64 {
    let cell = (word >> 56) as usize;
    interpolate(LOG_NORMAL[cell], LOG_NORMAL[cell + 1], word << 8)
}

/// The point between two values that a fraction of 2^64 names.
fn interpolate(low: u64, high: u64, fraction: u64) -> u64 {
    low + ((u128::from(high - low) * u128::from(fraction)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    fn shapes() -> Vec<Distribution> {
        vec![
            Distribution::Constant(ms(5)),
            Distribution::Uniform { min: ms(1), max: ms(9) },
            Distribution::Exponential { min: ms(1), mean: ms(5), max: ms(1000) },
            Distribution::LogNormal { min: ms(1), mean: ms(5), max: ms(1000) },
            Distribution::Bimodal { fast: ms(5), slow: ms(50), share: Ratio::per_thousand(10) },
        ]
    }

    #[test]
    fn golden_values_of_every_shape() {
        let lines: Vec<String> = shapes()
            .iter()
            .map(|shape| {
                let samples: Vec<u128> = (0..4).map(|key| shape.sample(&mut Draw::keyed(5, key)).as_nanos()).collect();
                format!("{samples:?}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        [5000000, 5000000, 5000000, 5000000]
        [6046874, 4108176, 3489896, 5841418]
        [4986364, 2967525, 2491446, 4717286]
        [4388685, 2827831, 2482832, 4167902]
        [5000000, 5000000, 5000000, 5000000]
        ");
    }

    #[test]
    fn means_are_what_they_say() {
        for shape in shapes() {
            let total: u128 = (0..200_000).map(|key| shape.sample(&mut Draw::keyed(1, key)).as_nanos()).sum();
            let mean = total / 200_000;
            // Bimodal's calm value is its mode; its mean is 5.45 ms. The log-normal's interpolated tail is cut short.
            assert!((4_700_000..5_600_000).contains(&mean), "{shape:?} has mean {mean} ns");
        }
    }

    #[test]
    fn samples_stay_in_bounds() {
        for shape in shapes() {
            for key in 0..20_000 {
                let sample = shape.sample(&mut Draw::keyed(2, key));
                assert!(sample <= shape.max());
                assert!(sample >= ms(1));
            }
        }
    }
}
