//! Lines that are right, wrong, strange, and cut.

use super::*;
use crate::check::linearizability::{Verdict, judge};
use crate::check::models::Standard;

fn read(text: &str) -> Result<Recording, Vec<Problem>> {
    let mut reader = Reader::default();
    reader.feed(text.as_bytes());
    reader.finish()
}

fn problems(text: &str) -> String {
    let problems = read(text).expect_err("something is wrong");
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

const GOOD: &str = r#"{"client":1,"op":"put","key":"k","value":"7","call":10,"return":20}"#;

#[test]
fn a_file_may_be_cut_anywhere() {
    let text = format!(
        "{GOOD}\r\n\n{}\n{}",
        r#" { "return" : null , "call":12, "op":"cas", "key":"k", "from":null, "value":"\u00e9\n", "ok":null, "extra":[{"a":"}"}], "client":2 } "#,
        r#"{"op":"read","key":"other","value":-3,"call":13,"return":14,"index":5}"#,
    );
    let whole = read(&text).expect("all is right");
    let shown = |recording: &Recording| {
        let one = |entry: &Entry| {
            let (key, value) = (recording.keys.show(entry.key), recording.values.show(entry.value));
            format!("{:?} {key} {value:?} {:?} {}", entry.act, entry.answer, entry.index)
        };
        recording.entries.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&whole),
        ["Put k \"7\" Done 4294967295", "Cas k \"é\\\\n\" Unknown 4294967295", "Get other \"-3\" Done 5"]
    );
    for cut in 0..text.len() {
        let mut reader = Reader::default();
        reader.feed(&text.as_bytes()[..cut]);
        reader.feed(&text.as_bytes()[cut..]);
        assert_eq!(shown(&reader.finish().expect("all is right")), shown(&whole));
    }
}

/// Texts and numbers are read some bytes at a time, and the last of a line with what is left: every length, at the end and before it.
#[test]
fn texts_and_numbers_of_every_length_are_read() {
    for length in 0..40 {
        for escape in 0..=length {
            let mut text: String = (b'a'..).take(length).map(|byte| char::from(byte % 26 + b'a')).collect();
            if escape < length {
                text.replace_range(escape..=escape, "\"");
            }
            let quoted = serde_json::to_string(&text).expect("a text can be written");
            for line in [
                format!(r#"{{"op":"put","value":{quoted},"call":10,"return":20}}"#),
                format!(r#"{{"op":"put","call":10,"return":20,"value":{quoted}}}"#),
            ] {
                let read = read(&line).expect("the line is right");
                assert_eq!(read.values.get(read.entries[0].value), text.as_bytes(), "{line}");
            }
        }
    }
    for length in 1..=20 {
        let digits = &"17446744073709551613"[..length];
        for line in [
            format!(r#"{{"op":"put","value":"a","return":{digits},"call":1 }}"#),
            format!(r#"{{"op":"put","value":"a","call":1,"return":{digits}}}"#),
        ] {
            assert_eq!(
                read(&line).expect("the line is right").entries[0].end,
                digits.parse::<u64>().expect("a number")
            );
        }
        for wrong in ["e3", ".5", "00000000000000000000", "\u{0}"] {
            assert!(read(&format!(r#"{{"op":"put","value":"a","call":1,"return":{digits}{wrong}}}"#)).is_err());
        }
    }
}

#[test]
fn what_is_written_is_read_again() {
    use crate::check::linearizability::generate::{Plan, Workload, generate};
    for workload in [Workload::Cas, Workload::Store] {
        let recording = generate(&Plan { workload, keys: 3, unknown: 9, indexed: true, ..Plan::default() });
        let mut written = Vec::new();
        write(&recording, &mut written).expect("memory can be written to");
        let again = read(std::str::from_utf8(&written).expect("it is text")).expect("what is written is right");
        let mut twice = Vec::new();
        write(&again, &mut twice).expect("memory can be written to");
        assert!(written == twice && again.entries.len() == recording.entries.len());
    }
}

#[test]
fn every_wrong_line_is_told_with_what_was_expected() {
    let text = format!(
        "{GOOD}\n{}\n{}\n{}\n{}\n{GOOD}\n",
        r#"{"op":"putt","key":"k","value":"7","call":10,"return":20}"#,
        r#"{"op":"put","key":"k","value":"7","call":10}"#,
        r#"{"op":"get","key":"k","value":"7","call":1.5,"return":20}"#,
        r#"{"op":"cas","key":"k","from":null,"value":"7","call":10,"return":20}"#,
    );
    insta::assert_snapshot!(problems(&text), @r#"
    2:7: expected one of these for `op`: get, put, append, cas, delete, read, write, add, increment, remove, contains, enqueue, dequeue; did you mean `put`?
        {"op":"putt","key":"k","value":"7","call":10,"return":20}
    3:45: the field `return` is missing: when it returned, or null
        {"op":"put","key":"k","value":"7","call":10}
    4:42: expected a whole number that is not negative for `call`
        {"op":"get","key":"k","value":"7","call":1.5,"return":20}
    5:69: the field `ok` is missing: true or false, as it has returned
        {"op":"cas","key":"k","from":null,"value":"7","call":10,"return":20}
    "#);
}

#[test]
fn a_field_in_other_letters_is_a_slip_and_an_unknown_one_is_none() {
    assert!(read(&GOOD.replace("\"client\"", "\"host\"")).is_ok());
    for (slip, known) in
        [("retrun", "return"), ("clal", "call"), ("keys", "key"), ("OP", "op"), ("postion", "position")]
    {
        let said = problems(&format!("{{\"{slip}\":1}}"));
        assert!(said.contains(&format!("unknown field `{slip}`; did you mean `{known}`?")), "{said}");
    }
    for other in ["id", "of", "node", "process", "time", "start", "type", "note"] {
        assert!(read(&GOOD.replace("\"client\"", &format!("\"{other}\""))).is_ok(), "{other}");
    }
    let said = problems(&GOOD.replace("\"key\"", "\"Key\""));
    assert!(said.starts_with("1:24: unknown field `Key`; did you mean `key`?"), "{said}");
}

/// What is taken for something else than was meant has another verdict, and nobody is told.
#[test]
fn what_is_no_json_or_means_nothing_is_not_taken_for_something() {
    let put = |value: &str| format!(r#"{{"op":"put","value":{value},"call":1,"return":2}}"#);
    for right in
        ["0", "-0", "-3", "10", "1.50", "1e9", "2E-7", "true", "false", "[1, 2]", "\"01\"", "0 ", "-12345678901"]
    {
        let read = read(&put(right)).unwrap_or_else(|problems| panic!("{right}: {problems:?}"));
        let value = right.replace([' ', '"'], "");
        assert_eq!(read.values.get(read.entries[0].value), value.as_bytes(), "{right}");
    }
    let wrong = [
        "tru", "truee", "fals", "01", "--3", "-", "1.", ".5", "1e", "1-2", "1 2", "+1", "nul", "nulll", "[1,]", "[01]",
        "{}", "'a'", "",
    ];
    for wrong in wrong {
        for line in [
            put(wrong),
            put(wrong).replace("value", "extra"),
            put("1").replace("1,\"return", &format!("{wrong},\"return")),
        ] {
            assert!(wrong == "{}" && line.contains("extra") || read(&line).is_err(), "{line}");
        }
    }
    let lines = [
        r#"{"op":"put","value":1,"call":1,"return":2, "value":2}"#,
        r#"{"op":"put","value":null,"call":1,"return":2}"#,
        r#"{"op":"put","value":1,"from":0,"call":1,"return":2}"#,
        r#"{"op":"put","value":1,"ok":false,"call":1,"return":2}"#,
        r#"{"op":"put","value":[1, [2,, 3]],"call":1,"return":2}"#,
        r#"{"op":"put","value":"a\q","call":1,"return":2}"#,
        r#"{"op":"put","value":1,"call":007,"return":8}"#,
        r#"{"op":"put","value":1,"call":1,"return":18446744073709551615}"#,
    ];
    insta::assert_snapshot!(problems(&lines.join("\n")), @r#"
    1:44: this field is there twice: which of the two counts?
        {"op":"put","value":1,"call":1,"return":2, "value":2}
    2:46: expected something else as `value` of `put` than null
        {"op":"put","value":null,"call":1,"return":2}
    3:52: expected no `from`: only `cas` has one, and this is `put`
        {"op":"put","value":1,"from":0,"call":1,"return":2}
    4:54: expected no `ok` that is false: only `cas` and `contains` have one. Leave out what certainly did not happen; what may have happened has null as `return`
        {"op":"put","value":1,"ok":false,"call":1,"return":2}
    5:28: this is no JSON: expected value
        {"op":"put","value":[1, [2,, 3]],"call":1,"return":2}
    6:24: this is no JSON: invalid escape
        {"op":"put","value":"a\q","call":1,"return":2}
    7:30: expected a whole number that is not negative for `call`
        {"op":"put","value":1,"call":007,"return":8}
    8:62: expected times below 18,446,744,073,709,551,614
        {"op":"put","value":1,"call":1,"return":18446744073709551615}
    "#);
}

#[test]
fn who_is_not_named_is_nobody() {
    let line = r#"{"op":"put","value":1,"call":1,"return":9}"#;
    let recording = read(&format!("{line}\n{line}")).expect("both are right");
    assert!(recording.entries.iter().all(|entry| entry.client == NOBODY));
    let mut overlaps = crate::check::recorded::Overlaps::default();
    overlaps.take(&recording.entries);
    assert_eq!(overlaps.count, 0, "nobody in particular may do two things at one time");
    let mut written = Vec::new();
    write(&recording, &mut written).expect("memory can be written to");
    assert!(!String::from_utf8_lossy(&written).contains("client"));
}

#[test]
fn the_order_of_a_list_counts_but_in_what_a_set_answers() {
    let judge = |model, lines: [&str; 2]| {
        let recording = read(&lines.join("\n")).expect("the lines are right");
        matches!(judge(&recording, model, 1000).verdict, Verdict::Linearizable)
    };
    let put = r#"{"op":"put","value":[1,[2, 3]],"call":1,"return":2}"#;
    let got = |list: &str| format!(r#"{{"op":"get","value":{list},"call":3,"return":4}}"#);
    assert!(judge(Standard::KeyValue, [put, &got("[1, [2,3]]")]));
    assert!(!judge(Standard::KeyValue, [put, &got("[[2,3],1]")]));
    let add = r#"{"op":"add","value":[1,2],"call":1,"return":2}"#;
    assert!(judge(Standard::Set, [add, &got("[[1, 2]]")]));
    assert!(!judge(Standard::Set, [add, &got("[1,2]")]));
    let two = r#"{"op":"add","value":"b","call":1,"return":2}
{"op":"add","value":"a","call":1,"return":2}"#;
    assert!(judge(Standard::Set, [two, &got(r#"["b","a"]"#)]));
}

#[test]
fn a_file_that_was_cut_off_is_named_as_such() {
    for length in 1..GOOD.len() {
        let said = problems(&format!("{GOOD}\n{}", &GOOD[..length]));
        assert!(said.starts_with("2:") && said.contains("the file is truncated"), "{said}");
    }
    assert!(read(GOOD).is_ok(), "the last line needs no end");
}

#[test]
fn a_mark_of_utf_8_is_passed_over_and_a_list_is_not() {
    assert!(read(&format!("\u{feff}{GOOD}\n{GOOD}")).is_ok());
    insta::assert_snapshot!(problems(&format!("[{GOOD}]")), @r#"
    1:1: expected `{`: each line is one JSON object, and there is nothing around or between them
        [{"client":1,"op":"put","key":"k","value":"7","call":10,"return":20}]
    "#);
}

#[test]
fn what_is_said_against_operations_is_told_once_with_the_first_line() {
    let objection = |entry: &Entry, _: &Texts| (entry.act == Act::Put).then(|| ("op", "expected no `put`".to_owned()));
    let mut reader = Reader::objecting(&[], Box::new(objection));
    reader.feed(format!("{GOOD}\n{}\n{GOOD}\n", GOOD.replace("put", "get")).as_bytes());
    let problems = reader.finish().expect_err("something is wrong");
    assert_eq!(problems.len(), 1);
    insta::assert_snapshot!(problems[0].to_string(), @r#"
    1:13: expected no `put`; 1 more line is wrong
        {"client":1,"op":"put","key":"k","value":"7","call":10,"return":20}
    "#);
}
