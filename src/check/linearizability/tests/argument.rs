//! Arguments prove what they say, and what is impossible mostly has one.

use super::brute::has_an_order;
use super::larger::{history, rounds};
use super::small::shown;
use super::*;
use crate::base::Draw;
use crate::check::linearizability::argument::argue;

/// The operations that an argument speaks of.
pub(super) fn spoken_of(steps: &[Step]) -> Vec<usize> {
    let mut all = Vec::new();
    for step in steps {
        let (whos, cases): (Vec<Who>, &[(Who, Vec<Step>)]) = match step {
            Step::Clock { first, then } => (vec![*first, *then], &[]),
            Step::Found { reader, source, .. } | Step::Failed { reader, source } | Step::Unlike { reader, source } => {
                (vec![*reader, *source], &[])
            }
            Step::Later { write, reader, source } | Step::Earlier { write, reader, source } => {
                (vec![*write, *reader, *source], &[])
            }
            Step::Cannot { reader, source, between } => {
                (between.iter().copied().chain([*reader, *source]).collect(), &[])
            }
            Step::Cases { reader, sources } => (vec![*reader], sources),
            Step::Circle(one, other) => (vec![*one, *other], &[]),
            Step::Nothing { reader, .. } => (vec![*reader], &[]),
        };
        all.extend(whos.iter().filter_map(|who| if let Who::Operation(place) = who { Some(*place) } else { None }));
        cases.iter().for_each(|(_, steps)| all.extend(spoken_of(steps)));
    }
    all
}

#[test]
fn what_has_an_order_has_no_argument_against_it() {
    let mut argued = [0_u64; 2];
    for model in [Standard::Register, Standard::KeyValue] {
        let mut draw = Draw::keyed(31, model as u64);
        for _ in 0..rounds() {
            let recording = history(model, &mut draw);
            let mut ops = recording.entries.clone();
            ops.sort_by_key(|entry| !entry.is_known());
            let ends: Vec<bool> = ops.iter().filter(|entry| entry.is_known()).map(|_| true).collect();
            let Some(steps) = argue(&ops, &ends, false) else { continue };
            let legal = has_an_order(&recording, model, &recording.entries);
            assert!(!legal, "{steps:?} against\n{}", shown(&recording, &recording.entries));
            argued[usize::from(model == Standard::KeyValue)] += 1;
        }
    }
    assert!(argued.iter().all(|count| *count > rounds() / 50), "{argued:?}");
}

#[test]
fn counterexamples_of_registers_mostly_have_an_argument() {
    for workload in [Workload::Register, Workload::Cas, Workload::SmallCas] {
        let (mut argued, mut all) = (0, 0);
        for seed in 0..60 {
            let plant = Some([Plant::Stale, Plant::Phantom][seed as usize % 2]);
            let plan = Plan { workload, seed, plant, operations: 400, unknown: 2, ..Plan::default() };
            let recording = generate(&plan);
            let judgement = judge(&recording, Standard::KeyValue, NODES);
            let Verdict::Impossible(counterexample) = &judgement.verdict else { panic!("{plan:?}: {judgement:?}") };
            all += 1;
            argued += u64::from(counterexample.argument(&recording, Standard::KeyValue).is_some());
        }
        assert!(argued * 10 >= all * 8, "{workload:?}: {argued} of {all}");
    }
}
