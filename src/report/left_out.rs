//! Trouble that a run did not make, because it would have been too much.

use super::words::moment;
use crate::scenario::LeftOut;

/// So many are told, the first ones.
const SHOWN: usize = 4;

/// What, when, and who left it out.
pub(super) fn told(all: &[LeftOut]) -> String {
    let one = |LeftOut { at, what, by }: &LeftOut| format!("{what} at {}s ({by})", moment(*at));
    let mut told: Vec<String> = all.iter().take(SHOWN).map(one).collect();
    if all.len() > SHOWN {
        told.push("and so on".to_owned());
    }
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;

    #[test]
    fn the_first_ones_are_told() {
        let one = |at| LeftOut { at: Instant::from_nanos(at), what: "wipe r1".into(), by: "budget" };
        assert_eq!(told(&[one(1_500_000)]), "wipe r1 at 0.001500s (budget)");
        let many: Vec<LeftOut> = (0..9).map(one).collect();
        let told = told(&many);
        assert_eq!((told.matches("wipe").count(), told.ends_with("; and so on")), (SHOWN, true));
    }
}
