//! Telling somebody who waits how far it is: a bar on a terminal, a line every ten seconds anywhere else.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::explore::Progress;
use crate::report::words::{counted, grouped, span};

use super::console::Console;

/// How often somebody without a terminal is told.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Tells how far something is.
pub(super) struct Teller {
    began: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Teller {
    /// Begins to tell.
    pub(super) fn begin() -> Teller {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
            ProgressBar::new_spinner().with_style(style)
        });
        let began = now();
        Teller { began, told: began, bar }
    }

    /// How long it has taken.
    pub(super) fn took(&self) -> Duration {
        now().duration_since(self.began)
    }

    /// Tells, if it is time to. `text` is not made otherwise.
    pub(super) fn tell(&mut self, console: &mut Console<'_>, text: impl FnOnce(Duration) -> String) {
        let took = self.took();
        match &self.bar {
            Some(bar) => {
                bar.set_message(text(took));
                bar.tick();
            }
            None if now().duration_since(self.told) >= TOLD_EVERY => {
                self.told = now();
                console.remark(&format!("{}\n", text(took)));
            }
            None => {}
        }
    }

    /// Says a last word and tells no more.
    pub(super) fn end(self, console: &mut Console<'_>, text: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        console.remark(&format!("{text}\n"));
    }
}

/// So many runs are not waited for.
const ENDLESS: u64 = 1 << 60;

/// How far a sweep is, in a line.
pub(super) fn line(progress: &Progress, took: Duration) -> String {
    let Progress { done, all, before, findings, signatures, .. } = *progress;
    let endless = all > ENDLESS;
    let left = match rate(done - before, took) {
        _ if endless => String::new(),
        0 => String::new(),
        rate => format!(", {} left", span(Duration::from_secs((all - done.min(all)) / rate))),
    };
    let of = if endless { "seeds".to_string() } else { format!("of {}", counted(all, "seed")) };
    let found = match signatures {
        0 | 1 => counted(findings, "finding"),
        many => format!("{} of {many} kinds", counted(findings, "finding")),
    };
    format!("{} {of}, {}{left}, {found}", grouped(done), speed(progress, took))
}

/// How fast a sweep is: seeds in a second, and virtual time in real time.
pub(super) fn speed(progress: &Progress, took: Duration) -> String {
    let ratio = progress.virtual_time.as_millis() / took.as_millis().max(1);
    let ratio = grouped(u64::try_from(ratio).unwrap_or(u64::MAX));
    format!("{} seeds/s, {ratio}x real time", grouped(rate(progress.done - progress.before, took)))
}

fn rate(done: u64, took: Duration) -> u64 {
    let rate = u128::from(done) * 1_000_000 / took.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The time of day as far as people wait for something; decides nothing in any run.
#[expect(clippy::disallowed_methods, reason = "how long a person waited; decides nothing in any run")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_what_was_found() {
        let virtual_time = Duration::from_secs(8_000);
        let mut progress = Progress { done: 2_000, all: 10_000, before: 0, findings: 3, signatures: 2, virtual_time };
        let took = Duration::from_secs(4);
        assert_eq!(
            line(&progress, took),
            "2,000 of 10,000 seeds, 500 seeds/s, 2,000x real time, 16.0s left, 3 findings of 2 kinds"
        );
        progress.before = 1_000;
        assert_eq!(
            line(&progress, took),
            "2,000 of 10,000 seeds, 250 seeds/s, 2,000x real time, 32.0s left, 3 findings of 2 kinds",
            "what was done before took no time"
        );
        (progress.before, progress.all, progress.signatures, progress.findings) = (0, u64::MAX, 1, 1);
        assert_eq!(line(&progress, took), "2,000 seeds, 500 seeds/s, 2,000x real time, 1 finding");
    }
}
