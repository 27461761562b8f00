//! Mistakes in what a file says of disks that decay.

use super::super::{parse, print};
use super::{complaints, read, registry};
use crate::scenario::BudgetKind;

const HEAD: &str = "title = \"t\"\nsystem = \"vsr\"\n[cluster]\nreplicas = 3\nclients = 0\n";

fn file(storage: &str, tail: &str) -> String {
    format!(
        "{HEAD}[storage]\n{storage}\n[[phase]]\nname = \"p\"\nfor = \"5s\"\n{tail}\n[[phase]]\nname = \"q\"\nfor = \"5s\"\nquiet = true\n"
    )
}

fn said(storage: &str, tail: &str) -> String {
    let text = file(storage, tail);
    let mistakes = parse("test", &text, &registry()).expect_err(&text);
    mistakes
        .iter()
        .map(|mistake| {
            let help = mistake.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            format!("{} {}: {}{help}\n", storage, tail.replace('\n', "; "), mistake.message)
        })
        .collect()
}

#[test]
fn of_rates_and_budgets() {
    let storage = [
        "lost_writes = 0.1",
        "rot_bit = 10",
        "stall = { share = 0.1 }",
        "stall = { share = 0.1, for = \"0s\" }",
        "stall = \"200ms\"",
        "budget = \"unlimited\"",
    ];
    insta::assert_snapshot!(storage.map(|storage| said(storage, "")).concat(), @r#"
    lost_writes = 0.1 : unknown key `lost_writes` in [storage]; did you mean `lost_write`?
    rot_bit = 10 : expected a number from 0 to 1, found 10 (10 % is written 0.1)
    stall = { share = 0.1 } : `stall` needs `for`
    stall = { share = 0.1, for = "0s" } : expected a duration longer than zero
    stall = "200ms" : expected a table that says how often a disk stalls, and for how long (for example { share = 0.001, for = "200ms" }; one disk is stalled by a fault)
    budget = "unlimited" : expected a budget, found `unlimited`; it is one of "recoverable", "none"
    "#);
}

#[test]
fn of_faults() {
    let faults = [
        "rot = { target = \"r1\" }",
        "rot = { target = \"r1\", file = \"journal\", bits = 1 }",
        "rot = { target = \"r1\", file = \"journal\", byte = 1, bits = 0 }",
        "rot = { target = \"r1\", file = \"journal\", byte = 1, sector = 2 }",
        "rot = { target = \"r1\", file = \"journal\", extent = \"page\" }",
        "rot = { target = \"r3\", file = \"\", sector = 2097152 }",
        "unreadable = { target = \"sender\", file = \"journal\", byte = 1 }",
        "disk = { target = \"r1\", next = \"write(slot5)\", fault = \"lost-writes\" }",
        "disk = { target = \"r1\", next = \"write(slot5)\", fault = \"lost-write\", pick = 7 }",
        "disk = { target = \"r1\", next = \"write(\", fault = \"rot-bit\" }",
        "disk = { target = \"r1\" }",
        "stall = { target = \"r1\", for = \"0s\" }",
    ];
    let told = faults.map(|fault| said("", &format!("[[phase.fault]]\nat = \"1s\"\n{fault}")));
    insta::assert_snapshot!(told.concat(), @r#"
    [[phase.fault]]; at = "1s"; rot = { target = "r1" }: `rot` needs `file`
    [[phase.fault]]; at = "1s"; rot = { target = "r1", file = "journal", bits = 1 }: `bits` goes with `byte`: it says which bits of it go bad
    [[phase.fault]]; at = "1s"; rot = { target = "r1", file = "journal", byte = 1, bits = 0 }: expected bits of a byte from 1 to 255, found 0
    [[phase.fault]]; at = "1s"; rot = { target = "r1", file = "journal", byte = 1, sector = 2 }: one spot goes bad, but here are `byte` and `sector`
    [[phase.fault]]; at = "1s"; rot = { target = "r1", file = "journal", extent = "page" }: expected how much goes bad, found `page`; it is one of "bit", "byte", "sector"
    [[phase.fault]]; at = "1s"; rot = { target = "r3", file = "", sector = 2097152 }: there is no r3: the cluster has 3 replicas, r0 to r2
    [[phase.fault]]; at = "1s"; rot = { target = "r3", file = "", sector = 2097152 }: expected the name of a file, found nothing in it
    [[phase.fault]]; at = "1s"; rot = { target = "r3", file = "", sector = 2097152 }: expected a sector of the file from 0 to 2097151, found 2097152
    [[phase.fault]]; at = "1s"; unreadable = { target = "sender", file = "journal", byte = 1 }: `sender` means a node of the event that triggers the fault, so it goes with `on`
    [[phase.fault]]; at = "1s"; unreadable = { target = "sender", file = "journal", byte = 1 }: unknown key `byte` in `unreadable` (`byte` belongs in `rot`)
    [[phase.fault]]; at = "1s"; disk = { target = "r1", next = "write(slot5)", fault = "lost-writes" }: expected a fault of a disk, found `lost-writes`; did you mean "lost-write"?
    [[phase.fault]]; at = "1s"; disk = { target = "r1", next = "write(slot5)", fault = "lost-write", pick = 7 }: there is nothing to pick: `lost-write` concerns all of an operation
    [[phase.fault]]; at = "1s"; disk = { target = "r1", next = "write(", fault = "rot-bit" }: `write(` is not a label: the bracket is not closed; a label looks like `Ping` or `Prepare(v0 op1)`
    [[phase.fault]]; at = "1s"; disk = { target = "r1" }: `disk` needs `next`
    [[phase.fault]]; at = "1s"; disk = { target = "r1" }: `disk` needs `fault`
    [[phase.fault]]; at = "1s"; stall = { target = "r1", for = "0s" }: expected a duration longer than zero
    "#);
}

#[test]
fn without_a_budget_only_safety_is_judged() {
    let text = file("budget = \"none\"", "") + "[check]\nliveness = [{ converged = { within = \"3s\" } }]\n";
    insta::assert_snapshot!(complaints(&text), @r#"
    test.toml:17:13: with budget = "none" disks may be damaged beyond recovery, so progress cannot be asked for
       |
    17 | liveness = [{ converged = { within = "3s" } }]
       |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       = help: judge safety only, or leave `budget` in [storage] at "recoverable"
    "#);
    assert!(parse("test", &file("budget = \"none\"", ""), &registry()).is_ok());
}

#[test]
fn of_plans() {
    let text = format!(
        "entropy = 7\ndeviations = [\"rot r1 disk write #1 byte 1\", \"lose r0->r1 A #1\", \"tear r1 life 2 names 3,1\", \"loose r1 disk write #1\"]\n{}",
        file(
            "lost_write = 0.1\nstall = { share = 0.1, for = \"1s\" }",
            "[[phase.fault]]\nat = \"1s\"\nrot = { target = \"r1\", file = \"journal\" }\n[[phase.fault]]\nat = \"1s\"\nunreadable = { target = \"r1\", file = \"journal\" }\n[[phase.fault]]\nat = \"1s\"\ndisk = { target = \"r1\", next = \"write\", fault = \"rot-bit\" }",
        )
    );
    let mistakes = parse("test", &text, &registry()).expect_err("it is full of chance");
    let said: String =
        mistakes.iter().map(|mistake| format!("{:?} {}\n", mistake.location(&text), mistake.message)).collect();
    insta::assert_snapshot!(said, @r#"
    (2, 15) `rot r1 disk write #1 byte 1` lacks `bits`
    (2, 46) `lose` cannot be said of `r0->r1 A #1`
    (2, 66) `tear r1 life 2 names 3,1` lacks the steps that survive, such as 1,3, after `names`
    (2, 94) unknown verb `loose`; a deviation starts with drop, delay, duplicate, reorder, corrupt, misroute, clog, slow, keep, tear, yield, offset, drift, full, lose, misdirect, rot, unreadable, fail, lie
    (9, 14) a plan cannot have a probability other than 0
    (10, 19) a plan cannot have a probability other than 0
    (16, 7) a plan cannot draw what goes bad; it says `byte` and `bits`, or `sector`
    (19, 14) a plan cannot draw the sector that goes bad; it says `sector`
    (22, 8) a plan cannot draw where in an operation a fault strikes; it says `pick`
    (26, 9) a plan does not leave open who is in the core of a quiet phase; it says core = "all" or lists the nodes
    "#);
}

#[test]
fn what_goes_without_saying_is_left_out() {
    let text = file(
        "stall = { share = 0.0, for = \"1s\" }\nrot_bit = 0.001\nlying_sync = 0\nbudget = \"recoverable\"",
        "[[phase.fault]]\nat = \"1s\"\nrot = { target = \"r1\", file = \"journal\", byte = 4096 }\n[[phase.fault]]\nat = \"1s\"\nrot = { target = \"r1\", file = \"journal\", extent = \"bit\" }",
    );
    let without = read(&file("budget = \"none\"", ""));
    assert_eq!((without.storage.budget, read(&print(&without)) == without), (BudgetKind::None, true));
    let printed = print(&read(&text));
    let storage = printed.split("[storage]\n").nth(1).expect("something is left of it");
    insta::assert_snapshot!(storage, @r#"
    rot_bit = 0.001

    [[phase]]
    name = "p"
    for = "5s"

    [[phase.fault]]
    at = "1s"
    rot = { target = "r1", file = "journal", byte = 4096, bits = 1 }

    [[phase.fault]]
    at = "1s"
    rot = { target = "r1", file = "journal" }

    [[phase]]
    name = "q"
    for = "5s"
    quiet = true
    "#);
}
