//! Histories that are right, odd, and wrong.

use super::*;

fn shown(text: &str) -> String {
    match read(text.as_bytes()) {
        Err(problems) => problems[0].to_string(),
        Ok(Recording { entries, values, keys, .. }) => {
            let one = |entry: &Entry| {
                let (value, from) = (values.show(entry.value), values.show(entry.from));
                let Entry { act, answer, client, call, end, .. } = entry;
                let end = if *end == NEVER { "never".to_owned() } else { end.to_string() };
                format!("{client} {act:?} {} {value} {from} {answer:?} {call}..{end}", keys.show(entry.key))
            };
            entries.iter().map(one).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn one_register() {
    let history = "
        {:process 0, :type :invoke, :f :write, :value 3, :time 1}
        {:process 1, :type :invoke, :f :read, :value nil} ; a comment
        {:process :nemesis, :type :info, :f :start, :value {:a [1 2]}}
        {:process 0, :type :ok, :f :write, :value 3}
        {:process 1, :type :ok, :f :read, :value 3}
        {:process 2, :type :invoke, :f :cas, :value [3 4]}
        {:process 2, :type :fail, :f :cas, :value [3 4]}
        {:process 3, :type :invoke, :f :cas, :value [3 5]}
        {:process 3, :type :info, :f :cas, :value [3 5], :error \"time-out {\"}
    ";
    insta::assert_snapshot!(shown(history), @r"
    0 Put  3 (absent) Done 0..2
    1 Get  3 (absent) Done 1..3
    3 Cas  5 3 Unknown 6..never
    ");
}

#[test]
fn many_registers_in_a_vector_with_tags() {
    let history = "[#jepsen.history.Op{:index 0, :process 0, :type :invoke, :f :read, :value [7 nil]}
        #jepsen.history.Op{:index 1, :process 0, :type :ok, :f :read, :value #jepsen.independent/tuple [7 nil]}
        {:process 1, :type :invoke, :f :cas, :value [8 [1 2]]}, {:process 1, :type :ok, :f :cas, :value [8 [1 2]]}]";
    insta::assert_snapshot!(shown(history), @r"
    0 Get 7 (absent) (absent) Done 0..1
    1 Cas 8 2 1 Yes 2..3
    ");
}

#[test]
fn times_are_those_of_the_file_if_they_are_its_order() {
    let history = |last: u64| {
        format!(
            "{{:process 0, :type :invoke, :f :write, :value 3, :time 10}}
            {{:process :nemesis, :type :info, :f :start, :time 5}}
            {{:process 0, :type :ok, :f :write, :value 3, :time {last}}}"
        )
    };
    let read = |last| read(history(last).as_bytes()).expect("it is right");
    let seen = |last| {
        let recording = read(last);
        (recording.entries[0].call, recording.entries[0].end, recording.entries[0].line, recording.times)
    };
    assert_eq!(seen(20), (10, 20, 1, Times::Told));
    // What happens at one time has an order in the file, which these times do not tell.
    assert_eq!(seen(10), (0, 1, 1, Times::Places));
}

#[test]
fn what_is_wrong_is_shown_in_its_place() {
    insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :inv"), @r"
    2:24: the file is truncated: expected `}`, which closes what begins in line 2
        {:process 0, :type :inv
    ");
    insta::assert_snapshot!(shown("{:process 0, :type :ok, :f :read, :value nil}"), @r"
    1:1: this operation ends although process 0 has called none
        {:process 0, :type :ok, :f :read, :value nil}
    ");
    insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :push, :value 1}"), @r"
    1:29: expected one of these for :f: :read, :write, :cas
        {:process 0, :type :invoke, :f :push, :value 1}
    ");
    insta::assert_snapshot!(shown("{:process 0, :type :invoke, :f :write, :value 1}\n{:process 1, :type :invoke, :f :write, :value [1 2]}"), @r"
    2:40: expected a value as :value, as line 1 has it, and not [key value]: a file is of one register or of many
        {:process 1, :type :invoke, :f :write, :value [1 2]}
    ");
    assert!(is_edn(b"\n{:type :invoke") && is_edn(b"[{:") && !is_edn(b"{\"client\":1"));
    assert!(is_edn(b"[#op{") && is_edn(b"[ {:type") && !is_edn(b"[{\"client\":1"));
}

/// Left out, a read would have found nothing, and a write would not have happened.
#[test]
fn what_is_misspelt_or_does_not_belong_together_is_not_passed_over() {
    let call = "{:process 0, :type :invoke, :f :write, :value 3}";
    let read = "{:process 1, :type :invoke, :f :read, :value nil}";
    let wrong = [
        format!("{call}\n{{:proces 0, :type :ok, :f :write, :value 3}}"),
        format!("{call}\n{{:type :ok, :f :write, :value 3}}"),
        format!("{call}\n{{\"process\":0,\"type\":\"ok\"}}"),
        format!("{call}\n{{:process 0, :type :okk, :f :write, :value 3}}"),
        format!("{call}\n{{:process 0, :type :ok, :f :read, :value 3}}"),
        format!("{call}\n{{:process 0, :type :ok, :f :write, :value 4}}"),
        format!("{call}\n{call}"),
        format!("{read}\n{{:process 1, :type :ok, :f :read}}"),
        format!("{read}\n{{:process 1, :type :ok, :f :read, :vlaue 3}}"),
        format!("{read}\n{{:process 1, :type :ok, :f :read, :value #{{3}}}}"),
        format!("{read}\n{{:process 1, :type :ok, :f :read, :value 3, :value 4}}"),
        format!("{read}\n{{:process 1, :type :ok, :f :read, :value 3\n{call}"),
        "{:process 0, :type :invoke, :f :raed, :value nil}".to_owned(),
        "{:process 0, :type :invoke, :f :write}".to_owned(),
        format!("{}\n{{:process 1, :type :ok, :f :read, :value [8 3]}}", read.replace("nil", "[7 nil]")),
    ];
    let said: Vec<String> = wrong.iter().map(|history| shown(history)).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    2:2: unknown key :proces; did you mean :process?
        {:proces 0, :type :ok, :f :write, :value 3}
    2:1: expected :process with the number of a client, or :nemesis
        {:type :ok, :f :write, :value 3}
    2:25: expected a value for every key of the map that ends here
        {"process":0,"type":"ok"}
    2:14: expected one of these for :type: :invoke, :ok, :fail, :info; did you mean :ok?
        {:process 0, :type :okk, :f :write, :value 3}
    2:25: expected the :f that process 0 called with in line 1
        {:process 0, :type :ok, :f :read, :value 3}
    2:36: expected the value that process 0 called with in line 1
        {:process 0, :type :ok, :f :write, :value 4}
    2:1: process 0 calls although what it called in line 1 has not ended
        {:process 0, :type :invoke, :f :write, :value 3}
    2:1: expected :value: what :read has found
        {:process 1, :type :ok, :f :read}
    2:35: unknown key :vlaue; did you mean :value?
        {:process 1, :type :ok, :f :read, :vlaue 3}
    2:35: expected a number, a word or a string as the value of a register
        {:process 1, :type :ok, :f :read, :value #{3}}
    2:45: this is in the map twice: which of the two counts?
        {:process 1, :type :ok, :f :read, :value 3, :value 4}
    3:1: expected `}`, which closes what begins in line 2
        {:process 0, :type :invoke, :f :write, :value 3}
    1:29: expected one of these for :f: :read, :write, :cas; did you mean :read?
        {:process 0, :type :invoke, :f :raed, :value nil}
    1:1: expected :value: what :write writes
        {:process 0, :type :invoke, :f :write}
    2:35: expected the key that process 1 called with in line 1
        {:process 1, :type :ok, :f :read, :value [8 3]}
    "#);
}

#[test]
fn many_registers_are_known_by_their_swaps_too() {
    let history = "{:process 0, :type :invoke, :f :cas, :value [0 [1 2]]}
        {:process 0, :type :info, :f :cas, :value [0 [1 2]]}";
    insta::assert_snapshot!(shown(history), @"0 Cas 0 2 1 Unknown 0..never");
}

#[test]
fn what_others_leave_out_may_be_left_out() {
    let history = "{:process 0, :type :invoke, :f :write, :value 3}
        {:process :nemesis, :type :info, :f :start-partition, :vals {[1 2] #{3}, {:a 1} 2}}
        {:process 0, :type :ok, :f :write, :value nil}
        {:process 1, :type :invoke, :f :read}
        {:process 1, :type :fail, :f :read, :error :timeout}";
    insta::assert_snapshot!(shown(&history.replace("{:a 1} 2", ":a 2")), @"0 Put  3 (absent) Done 0..1");
    assert!(shown(history).contains("expected `}`"));
}
