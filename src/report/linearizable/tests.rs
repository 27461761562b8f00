//! What is said of small histories that are not linearizable.

use super::*;
use crate::check::linearizability::judge;
use crate::check::recorded::jsonl::Reader;

/// The sentence and its steps for operations without clients: `op value call return`, with `ok` and `from` or a position in between.
fn said(model: Standard, operations: &[&str]) -> String {
    let mut reader = Reader::default();
    for operation in operations {
        let words: Vec<&str> = operation.split(' ').collect();
        let [op, value, more @ .., call, end] = words.as_slice() else { panic!("{operation}") };
        let more = more.iter().map(|field| format!("{},", field.replacen('=', "\":", 1).replacen("", "\"", 1)));
        let more: String = more.collect();
        let line = format!("{{\"op\":\"{op}\",\"value\":{value},{more}\"call\":{call},\"return\":{end}}}\n");
        reader.feed(line.as_bytes());
    }
    let recording = reader.finish().unwrap_or_else(|problems| panic!("{problems:?}"));
    let judgement = judge(&recording, model, 100_000);
    let Verdict::Impossible(counterexample) = &judgement.verdict else { return "linearizable".to_owned() };
    let Explanation { because, steps } =
        explain(Wording { recording: &recording, model, with_lines: false }, counterexample);
    [vec![because], steps].concat().join("\n")
}

#[test]
fn queues() {
    let said = |operations: &[&str]| said(Standard::Queue, operations);
    insta::assert_snapshot!(said(&["enqueue 1 1 2", "enqueue 2 3 4", "dequeue 2 5 6", "dequeue 1 7 8"]), @"`enqueue 1` of line 1 was over at 2, before `enqueue 2` of line 2 began at 3, and nobody can have taken it out by then; but `dequeue -> 2` of line 3 took the later one first");
    insta::assert_snapshot!(said(&["enqueue 1 1 2", "dequeue 1 3 4", "dequeue 1 5 6"]), @"`dequeue -> 1` of line 2 and `dequeue -> 1` of line 3 took what was put in once only");
    let twice = ["enqueue 1 client=5 1 2", "dequeue 1 client=5 3 4", "dequeue 1 client=5 5 6"];
    insta::assert_snapshot!(said(&twice), @"`dequeue -> 1` of client 5 (line 2) and `dequeue -> 1` of client 5 (line 3) took what was put in once only");
    insta::assert_snapshot!(said(&["enqueue 1 1 2", "dequeue null 3 4"]), @"somebody found nothing in it at some time from 3 to 4, though `enqueue 1` of line 1 was over at 2 and nobody can have taken that out by then");
    insta::assert_snapshot!(said(&["enqueue 1 5 6", "dequeue 1 3 4"]), @"`dequeue -> 1` of line 2, until 4, took what nobody had put in by then");
    // While both are put in, either may be first; and who takes something out may have taken the first one before.
    assert_eq!(said(&["enqueue 1 1 4", "enqueue 2 3 4", "dequeue 2 5 6"]), "linearizable");
    assert_eq!(said(&["enqueue 1 1 2", "enqueue 2 3 4", "dequeue null 5 null", "dequeue 2 5 6"]), "linearizable");
}

#[test]
fn sets() {
    let said = |operations: &[&str]| said(Standard::Set, operations);
    insta::assert_snapshot!(said(&["add 1 1 2", "get [1,2] 3 4"]), @"`get -> [1,2]` of line 2, at some time from 3 to 4, has found `2` in it, which nobody had added by then");
    insta::assert_snapshot!(said(&["add 1 1 2", "add 2 1 2", "contains 1 ok=false 3 4"]), @"`contains 1 -> no` of line 3, at some time from 3 to 4, has found it without `1`, although `add 1` of line 1 was over at 2 and nobody can have taken that out by then");
    insta::assert_snapshot!(said(&["add 1 1 2", "remove 2 1 null", "get [] 3 4"]), @"`get -> []` of line 3, at some time from 3 to 4, has found it without `1`, although `add 1` of line 1 was over at 2 and nobody can have taken that out by then");
    insta::assert_snapshot!(said(&["add 1 1 2", "remove 1 3 4", "contains 1 ok=true 5 6"]), @"no order explains `add 1` of line 1, `remove 1` of line 2 and `contains 1 -> yes` of line 3 together; `add 1` of line 1 was over before `remove 1` of line 2 began, and `remove 1` of line 2 was over before `contains 1 -> yes` of line 3 began");
}

#[test]
fn counters_and_logs() {
    insta::assert_snapshot!(said(Standard::Counter, &["add 1 1 2", "add 2 1 2", "get 4 3 4"]), @"`get -> 4` of line 3, at some time from 3 to 4, has found what nothing that was called by then adds up to");
    insta::assert_snapshot!(said(Standard::Log, &["append 1 position=0 1 2", "append 2 position=0 3 4"]), @"`append 1 -> 0` of line 1 and `append 2 -> 0` of line 2 were told the same position");
    insta::assert_snapshot!(said(Standard::Log, &["append 1 position=0 1 2", "get 2 position=0 3 4"]), @"`get 0 -> 2` of line 2, at some time from 3 to 4, has found what nobody had put in by then");
    insta::assert_snapshot!(said(Standard::Log, &["append 1 position=3 1 2"]), @"`append 1 -> 3` of line 1, at some time from 1 to 2, was told a position that it cannot have: 0 other appends had been called by then");
}

#[test]
fn texts_that_grow() {
    let said = |operations: &[&str]| said(Standard::KeyValue, operations);
    insta::assert_snapshot!(said(&["append \"ab\" 1 2", "append \"cd\" 3 4", "get \"abc\" 5 6"]), @"somebody read abc at some time from 5 to 6, which ends in the middle of `append cd` of line 2");
    insta::assert_snapshot!(said(&["append \"ab\" 1 2", "append \"cd\" 3 4", "get \"abxcd\" 5 6"]), @"somebody read abxcd at some time from 5 to 6, but nothing that was written by then can come after its beginning `ab`");
    insta::assert_snapshot!(said(&["append \"ab\" 1 2", "append \"cd\" 3 4", "get \"cdab\" 5 6"]), @"no order explains `append ab` of line 1 and `get -> cdab` of line 3 together; `append ab` of line 1 was over before `get -> cdab` of line 3 and `append cd` of line 2 began");
    // What is in the text already is not what it ends in the middle of.
    insta::assert_snapshot!(said(&["append \"1;\" 1 2", "append \"12;\" 3 4", "get \"1;1\" 5 6"]), @"somebody read 1;1 at some time from 5 to 6, which ends in the middle of `append 12;` of line 2");
    insta::assert_snapshot!(said(&["put \"\" 1 2", "append \"12;\" 3 4", "append \"13;\" 3 4", "get \"1\" 5 6"]), @"somebody read 1 at some time from 5 to 6, whose end `1` is not all of what was written: it is the beginning of `append 13;` of line 3, for one");
    insta::assert_snapshot!(said(&["append \"ab\" 1 2", "get null 5 6"]), @"somebody found nothing at some time from 5 to 6, but `append ab` of line 1 had ended before, at 2");
    insta::assert_snapshot!(said(&["append \"ab\" 1 2", "get \"xy\" 5 6"]), @"somebody read xy at some time from 5 to 6, which nobody had written by then");
}

#[test]
fn registers() {
    let said = |operations: &[&str]| said(Standard::KeyValue, operations);
    insta::assert_snapshot!(said(&["put 1 1 2", "put 1 1 2", "cas 2 from=1 ok=true 3 9", "cas 3 from=1 ok=true 3 9"]), @"`cas 1 2 -> swapped` of line 3 and `cas 1 3 -> swapped` of line 4 both found 1, and nobody wrote it again after it was replaced");
    // Few values, many times, so this is searched for.
    let mut operations =
        vec!["put 1 1 2", "put 2 1 2", "put 1 3 4", "cas 2 from=1 ok=true 3 9", "put 2 3 8", "get 1 3 9"];
    operations.push("get 9 10 11");
    insta::assert_snapshot!(said(&operations), @"somebody read 9 at some time from 10 to 11, which nobody had written by then");
    // Nobody else is to blame where one answer alone is impossible.
    insta::assert_snapshot!(said(&["get null 5 5", "cas 1 from=null ok=false 8 8"]), @r"
    nothing explains `cas (absent) 1 -> not swapped` of line 2
    so nothing is left that `cas (absent) 1 -> not swapped` can have found
    ");
    // That a swap failed is believed, also while it has not returned.
    let failed =
        ["cas 3 from=2 ok=false 10 16", "get 3 11 12", "cas 2 from=3 ok=false 5 9", "put 6 5 6", "put 7 12 18"];
    insta::assert_snapshot!(said(&failed), @"somebody read 3 at some time from 11 to 12, which nobody had written by then, unless `cas 2 3 -> not swapped` of line 1, called at 10, did swap although it says otherwise");
    // A swap that changes nothing is not what it found itself.
    insta::assert_snapshot!(said(&["cas 2 from=2 ok=true 1 2"]), @r"
    nothing explains `cas 2 2 -> swapped` of line 1
    nobody else here writes 2, so nothing is left that `cas 2 2 -> swapped` can have found
    ");
    // Two may have written it, so that it was there once only does not go without saying.
    insta::assert_snapshot!(said(&["put 3 1 2", "cas 2 from=3 ok=true 2 6", "cas 3 from=1 ok=null 3 null", "cas 7 from=3 ok=true 12 17"]), @r"
    no order explains `cas 3 2 -> swapped` of line 2 and `cas 3 7 -> swapped` of line 4 together
    what `cas 3 2 -> swapped` found is what `put 3` wrote or what `cas 1 3` wrote:
      if it is what `put 3` wrote:
        what `cas 3 7 -> swapped` found is what `put 3` wrote or what `cas 1 3` wrote:
          if it is what `put 3` wrote:
            `cas 3 2 -> swapped` came after `put 3`, so after `cas 3 7 -> swapped` too, which found what was written before it
            `cas 3 7 -> swapped` came after `put 3`, so after `cas 3 2 -> swapped` too, which found what was written before it
            so `cas 3 7 -> swapped` came before `cas 3 2 -> swapped`, and `cas 3 2 -> swapped` before `cas 3 7 -> swapped`, which cannot be
          if it is what `cas 1 3` wrote:
            nobody here writes 1, so nothing is left that `cas 1 3` can have found
      if it is what `cas 1 3` wrote:
        nobody here writes 1, so nothing is left that `cas 1 3` can have found
    ");
    // Both orders of the writes are impossible.
    let circle = ["put 1 1 9", "put 2 1 9", "get 1 2 3", "get 2 4 5", "get 1 6 7"];
    insta::assert_snapshot!(said(&circle), @"somebody read 1 at some time from 6 to 7, though that had been replaced: `get -> 1` of line 3 was over at 3, before `get -> 2` of line 4 began, and that was over at 5");
    insta::assert_snapshot!(said(&["put 1 1 2", "put 2 1 20", "put 1 3 4", "get 2 5 6", "put 3 7 8", "get 1 9 10"]), @"somebody read 1 at some time from 9 to 10, but `put 3` of line 5 was over before, at 8, and nobody wrote 1 after that");
}

#[test]
fn an_impossible_answer_is_found_however_hard_the_rest_is() {
    use crate::check::linearizability::generate::{Plan, Plant, Workload, generate};
    for (workload, clients, operations) in [(Workload::Store, 12, 3_000), (Workload::SmallCas, 20, 3_000)] {
        let plan = Plan { workload, clients, operations, plant: Some(Plant::Phantom), ..Plan::default() };
        let recording = generate(&plan);
        let judgement = judge(&recording, Standard::KeyValue, 100_000);
        let Verdict::Impossible(counterexample) = &judgement.verdict else { panic!("{:?}", judgement.verdict) };
        assert!(counterexample.minimal && counterexample.parts.len() == 1, "{counterexample:?}");
        let said =
            explain(Wording { recording: &recording, model: Standard::KeyValue, with_lines: false }, counterexample)
                .because;
        assert!(said.contains("which nobody had written by then"), "{said}");
    }
}
