//! What came out, compared with what the scenario expects.

use crate::scenario::{Expectation, Verdict};

/// What came out, compared with what the scenario expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// Nothing should break, and nothing broke.
    Kept,
    /// The promise that should break broke.
    Shown,
    /// A promise broke that should not.
    Found,
    /// A promise should break, and did not.
    NotShown,
    /// Nobody can say: an oracle gave up.
    Undecided,
}

impl Judgement {
    /// Compares one run with what is expected of it.
    ///
    /// A run is asked to show what its scenario says it shows, whichever seed that was promised for.
    pub fn of(expectation: &Expectation, verdict: &Verdict) -> Judgement {
        match (expectation, verdict) {
            (_, Verdict::Inconclusive(_)) => Judgement::Undecided,
            (Expectation::Pass, Verdict::Pass) => Judgement::Kept,
            (Expectation::Pass, Verdict::Violation(_) | Verdict::Stuck(_)) => Judgement::Found,
            (Expectation::Violation { .. }, Verdict::Pass) => Judgement::NotShown,
            (Expectation::Violation { check, .. }, Verdict::Violation(violation) | Verdict::Stuck(violation)) => {
                if check.is_none_or(|check| check == violation.oracle) {
                    Judgement::Shown
                } else {
                    Judgement::Found
                }
            }
        }
    }

    /// Whether what was expected has come out.
    pub fn is_met(self) -> bool {
        matches!(self, Judgement::Kept | Judgement::Shown)
    }
}

/// What a scenario expects, in a few words: `pass`, `violation of AGREE`.
pub fn expected(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Pass => "pass".to_string(),
        Expectation::Violation { check: Some(check), .. } => format!("violation of {check}"),
        Expectation::Violation { check: None, .. } => "violation".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::OracleId;
    use crate::report::samples;
    use crate::scenario::Shows;

    #[test]
    fn every_expectation_meets_every_verdict() {
        let violation = |check| Expectation::Violation { check, shows: Shows::Always };
        let verdicts = [
            Verdict::Pass,
            Verdict::Violation(samples::violation(OracleId::Agree)),
            Verdict::Stuck(samples::violation(OracleId::Live)),
            Verdict::Inconclusive("too much".to_string()),
        ];
        use Judgement::{Found, Kept, NotShown, Shown, Undecided};
        for (expectation, judgements) in [
            (Expectation::Pass, [Kept, Found, Found, Undecided]),
            (violation(None), [NotShown, Shown, Shown, Undecided]),
            (violation(Some(OracleId::Agree)), [NotShown, Shown, Found, Undecided]),
            (violation(Some(OracleId::Live)), [NotShown, Found, Shown, Undecided]),
        ] {
            assert_eq!(verdicts.each_ref().map(|verdict| Judgement::of(&expectation, verdict)), judgements);
        }
    }
}
