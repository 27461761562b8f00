//! What is said of phases, faults, checks and plans that are wrong: of the course the scenario takes.

use super::super::parse;
use super::mistakes::{table, with};
use super::{complaints, registry};

#[test]
fn of_phases() {
    insta::assert_snapshot!(table(&[
        ("name = \"trouble\"\n", ""),
        ("name = \"trouble\"", "name = \"recover\""),
        ("for = \"5s\"\n", ""),
        ("for = \"5s\"", "for = \"0s\""),
        ("for = \"5s\"", "for = \"1440m\""),
        ("for = \"5s\"", "for = \"5s\"\ncore = \"all\""),
        ("[[phase]]\nname = \"trouble\"\nfor = \"5s\"\n[[phase]]", "[phase]"),
        ("quiet = true", "quiet = \"yes\""),
        ("quiet = true", "quiet = true\ncore = \"al\""),
        ("quiet = true", "quiet = true\ncore = []"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"r0\"]"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"r3\", \"c2\"]"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"r1\"]\nhealed = [\"r0\"]"),
        ("quiet = true", "quiet = true\ncore = [\"r0\", \"c0\"]"),
        ("quiet = true", "quiet = true\ncore = \"all\"\nhealed = [\"r0\"]"),
        ("quiet = true", "quiet = true\n[[phase.fault]]\nat = \"1s\"\nheal = true"),
        ("[[phase]]\nname = \"recover\"", "[phase.fault]\nat = \"1s\"\nheal = true\n[[phase]]\nname = \"recover\""),
    ]), @r#"
    (nothing)
      [[phase]]: [[phase]] needs `name`
    name = "recover"
      "recover": there is a phase `recover` already
    (nothing)
      [[phase]]: [[phase]] needs `for`
    for = "0s"
      "0s": expected a duration longer than zero
    for = "1440m"
      "5s": all phases together last longer than a day
    core = "all"
      "all": only a quiet phase has a core (add quiet = true)
    [phase]
      [phase]: phases are a list (write it with two brackets: [[phase]])
    quiet = "yes"
      "yes": expected true or false, found a string
    core = "al"
      "al": expected a core, found `al`; did you mean "all"?
    core = []
      []: there is nobody in this core
    core = ["r0", "r0"]
      ["r0", "r0"]: r0 stands twice in it
    core = ["r0", "r3", "c2"]
      "r3": there is no r3: the cluster has 3 replicas, r0 to r2
      "c2": there is no c2: the cluster has 2 clients, c0 to c1
    healed = ["r0"]
      ["r0"]: r0 is in the core, and so heals anyway
    core = ["r0", "c0"]
      ["r0", "c0"]: a core of 1 replica cannot make progress, which is what a core is judged by (a core of this cluster has at least 2 replicas)
    healed = ["r0"]
      ["r0"]: `healed` goes with a core that is a list of nodes (core = "all" heals everybody, "up" nobody else, and with "drawn" it is drawn who else heals)
    heal = true
      [[phase.fault]]: nothing goes wrong in a quiet phase (move this fault into a phase before it)
    name = "recover"
      [phase.fault]: the faults of a phase are a list (write it with two brackets: [[phase.fault]])
    "#);
    let none =
        "[[phase]]\nname = \"trouble\"\nfor = \"5s\"\n[[phase]]\nname = \"recover\"\nfor = \"5s\"\nquiet = true\n";
    insta::assert_snapshot!(table(&[(none, ""), (none, "[phase]\n"), (none, "[phase]\nfor = \"5s\"\n[phase]\nfor = \"6s\"\n")]), @r#"
    (nothing)
      the file: a scenario needs at least one phase (for example: [[phase]] name = "steady" for = "5s", on a line each)
    [phase]
      [phase]: phases are a list (write it with two brackets: [[phase]])
    for = "6s"
      phase: there can be but one [phase] (where there are several, each is written with two brackets: [[phase]])
    "#);
}

/// The messages for a fault in the first phase.
fn fault(lines: &str) -> String {
    with("[[phase]]\nname = \"recover\"", &format!("[[phase.fault]]\n{lines}\n[[phase]]\nname = \"recover\""))
        .replace("name = \"recover\"\n", &format!("{lines}\n"))
}

#[test]
fn of_faults() {
    let said = [
        "heal = true",
        "at = \"1s\"",
        "at = \"1s\"\nevery = \"2s\"\nheal = true",
        "at = \"6s\"\nheal = true",
        "every = \"1us\"\nheal = true",
        "on = \"backup says PrepareOk #3\"\nheal = true",
        "on = \"r3 boots\"\nheal = true",
        "at = \"1s\"\nbefore = true\nheal = true",
        "at = \"1s\"\nheal = false",
        "at = \"1s\"\nheal = { all = true }",
        "at = \"1s\"\nheal = true\ncrash = { target = \"r0\" }",
        "at = \"1s\"\ncrassh = { target = \"r0\" }",
        "at = \"1s\"\ncrash = \"r0\"",
        "at = \"1s\"\ncrash = {}",
        "at = \"1s\"\ncrash = { target = \"leader\" }",
        "at = \"1s\"\ncrash = { target = \"any-backups\" }",
        "at = \"1s\"\ncrash = { target = \"rest\" }",
        "at = \"1s\"\ncrash = { target = \"sender\" }",
        "on = \"r1 boots\"\ncrash = { target = \"receiver\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", heal_after = \"1s\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", max_down = \"majority\" }",
        "at = \"1s\"\ncrash = { target = \"r0\", max_down = 0 }",
        "at = \"1s\"\ncrash = { target = \"r0\" }\nrestart_after = \"1s\"",
        "at = \"1s\"\npartition = { heal_after = \"1s\" }",
        "at = \"1s\"\npartition = { isolate = \"all-replicas\" }",
        "at = \"1s\"\npartition = { isolate = \"primary\", halves = true }",
        "at = \"1s\"\npartition = { halves = false }",
        "at = \"1s\"\npartition = { groups = [] }",
        "at = \"1s\"\npartition = { groups = [[\"r0\"], []] }",
        "at = \"1s\"\npartition = { groups = [[\"rest\"], \"rest\"] }",
        "at = \"1s\"\ncut = { from = \"r0\" }",
        "at = \"1s\"\ncut = { from = \"rest\", to = \"rest\" }",
        "at = \"1s\"\ncut = { from = \"r0\", to = 7, both_ways = 1 }",
    ]
    .map(fault)
    .concat();
    insta::assert_snapshot!(said, @r#"
    heal = true
      [[phase.fault]]: a fault needs to say when it strikes (it has one of `at`, `every` and `on`)
    at = "1s"
      [[phase.fault]]: a fault needs to say what it does (it does one of crash, restart, pause, wipe, partition, cut, clog, hold, release, heal, clock, rot, unreadable, disk, stall)
    at = "1s"
    every = "2s"
    heal = true
      "2s": a fault strikes at one time, but this one has `at` and `every`
    at = "6s"
    heal = true
      "6s": the phase is over by then: it lasts 5s (`at` counts from the start of the phase)
    every = "1us"
    heal = true
      "1us": faults cannot come more often than every 1ms
    on = "backup says PrepareOk #3"
    heal = true
      "backup says PrepareOk #3": unknown verb `says`; it is one of sends, receives, starts, finishes, reaches, boots
    on = "r3 boots"
    heal = true
      "r3 boots": there is no r3: the cluster has 3 replicas, r0 to r2
    at = "1s"
    before = true
    heal = true
      true: `before` goes with `on`: it strikes before the effect of that moment
    at = "1s"
    heal = false
      false: a fault that does not heal does nothing; leave it out
    at = "1s"
    heal = { all = true }
      all: unknown key `all` in `heal` (nothing can stand in it)
    at = "1s"
    heal = true
    crash = { target = "r0" }
      true: a fault does one thing, but this one has `crash` and `heal` (write a [[phase.fault]] for each)
    at = "1s"
    crassh = { target = "r0" }
      crassh: unknown key `crassh` in a fault; did you mean `crash`?
    at = "1s"
    crash = "r0"
      "r0": expected a table for `crash`, found a string
    at = "1s"
    crash = {}
      {}: `crash` needs `target`
    at = "1s"
    crash = { target = "leader" }
      "leader": unknown target `leader`; a target is a node (r0, c1) or one of primary, any-backup, any-replica, any-client, all-replicas, all-clients, sender, receiver, rest
    at = "1s"
    crash = { target = "any-backups" }
      "any-backups": unknown target `any-backups`; did you mean `any-backup`?
    at = "1s"
    crash = { target = "rest" }
      "rest": `rest` means the nodes that other groups do not name, and here are no groups
    at = "1s"
    crash = { target = "sender" }
      "sender": `sender` means a node of the event that triggers the fault, so it goes with `on`
    on = "r1 boots"
    crash = { target = "receiver" }
      "receiver": there is no `receiver` at this moment: only packets (`sends`, `receives`) have two ends
    at = "1s"
    crash = { target = "r0", heal_after = "1s" }
      heal_after: unknown key `heal_after` in `crash` (`heal_after` belongs in `partition` or `cut`)
    at = "1s"
    crash = { target = "r0", max_down = "majority" }
      "majority": expected "minority", "all" or a number of replicas, found `majority`; it is one of "minority", "all"
    at = "1s"
    crash = { target = "r0", max_down = 0 }
      0: expected a number of replicas from 1 to 64, found 0
    at = "1s"
    crash = { target = "r0" }
    restart_after = "1s"
      restart_after: unknown key `restart_after` in a fault (`restart_after` belongs in `crash` or `wipe`)
    at = "1s"
    partition = { heal_after = "1s" }
      { heal_after = "1s" }: a partition needs to say into what (it has one of `isolate`, `halves`, `bridge`, `ring` and `groups`)
    at = "1s"
    partition = { isolate = "all-replicas" }
      "all-replicas": here stands one node, and `all-replicas` is many (several nodes go into `groups`)
    at = "1s"
    partition = { isolate = "primary", halves = true }
      true: a partition splits in one way, but this one has `isolate` and `halves`
    at = "1s"
    partition = { halves = false }
      false: `halves` is true or not there
    at = "1s"
    partition = { groups = [] }
      []: there is no group in it
    at = "1s"
    partition = { groups = [["r0"], []] }
      []: there is nobody in this group
    at = "1s"
    partition = { groups = [["rest"], "rest"] }
      [["rest"], "rest"]: `rest` stands more than once, and there is only one rest
    at = "1s"
    cut = { from = "r0" }
      { from = "r0" }: `cut` needs `to`
    at = "1s"
    cut = { from = "rest", to = "rest" }
      "rest": `rest` stands more than once, and there is only one rest
    at = "1s"
    cut = { from = "r0", to = 7, both_ways = 1 }
      7: expected a target such as "r1" or "primary", found an integer
      1: expected true or false, found an integer
    "#);
}

#[test]
fn of_checks_and_expectations() {
    let with_tail = |tail: &str| with("quiet = true\n", &format!("quiet = true\n{tail}\n"));
    let said = [
        "[check]\nsafety = [\"linearisable\"]",
        "[check]\nsafety = [\"all\"]",
        "[check]\nsafety = [\"converged\"]",
        "[check]\nsafety = [\"lin\", \"linearizable\"]",
        "[check]\nsafety = \"lin\"",
        "[check]\nliveness = [{ converged = { within = \"2s\" } }]",
        "[check]\nliveness = [{ converged = {} }]",
        "[check]\nliveness = [{ convergd = { within = \"3s\" } }]",
        "[check]\nliveness = [{}]",
        "[check]\nliveness = [{ converged = { within = \"3s\" } }, { converged = { within = \"4s\" } }]",
        "[check]\nliveness = [\"converged\"]",
        "[check]\nreached = [\"\"]",
        "[check]\nreached = [\"crash\", \"crash\"]",
        "[expect]\ncheck = \"log-prefix\"",
        "[expect]\noutcome = \"fail\"",
        "[expect]\noutcome = \"pass\"\nseed = 7",
        "[expect]\noutcome = \"violation\"\ncheck = \"converged\"",
        "[expect]\noutcome = \"violation\"\nseed = 7\nwithin_seeds = 8",
        "[expect]\noutcome = \"violation\"\nseed = \"7x\"",
        "[expect]\noutcome = \"violation\"\nwithin_seeds = 0",
    ]
    .map(with_tail)
    .concat();
    insta::assert_snapshot!(said, @r#"
    safety = ["linearisable"]
      "linearisable": unknown oracle `linearisable`; did you mean `linearizable`?
    safety = ["all"]
      "all": unknown oracle `all`; there are log-prefix (agree), backed-commit (back), no-lost-commit (dur), no-lost-ack (mono), same-state (div), at-most-once (once), linearizable (lin), all-requests-complete (live), converged (conv), no-panic (panic), no-spin (spin)
    safety = ["converged"]
      "converged": `converged` is about progress, not about safety (write liveness = [{ converged = { within = "5s" } }])
    safety = ["lin", "linearizable"]
      ["lin", "linearizable"]: `linearizable` stands twice in it
    safety = "lin"
      "lin": expected a list of oracles such as ["linearizable", "log-prefix"], found a string
    liveness = [{ converged = { within = "2s" } }]
      "2s": `within` must be longer than 2s, which `vsr` may wait before it tries again (a shorter wait would blame the system for its patience)
    liveness = [{ converged = {} }]
      {}: a liveness promise needs `within`
    liveness = [{ convergd = { within = "3s" } }]
      convergd: unknown key `convergd` in `liveness`; did you mean `converged`?
    liveness = [{}]
      {}: this promises nothing (it has `all-requests-complete` or `converged`, each with { within = "5s" })
    liveness = [{ converged = { within = "3s" } }, { converged = { within = "4s" } }]
      [{ converged = { within = "3s" } }, { converged = { within = "4s" } }]: `converged` stands twice in it
    liveness = ["converged"]
      "converged": `converged` has to say within how long (write it as { converged = { within = "5s" } })
    reached = [""]
      "": expected the name of a mark, found nothing in it
    reached = ["crash", "crash"]
      ["crash", "crash"]: `crash` stands twice in it
    check = "log-prefix"
      [expect]: [expect] needs `outcome`
    outcome = "fail"
      "fail": expected an outcome, found `fail`; it is one of "pass", "violation"
    seed = 7
      7: `seed` goes with outcome = "violation"
    check = "converged"
      "converged": `converged` cannot be violated here, because [check] does not ask for it
    within_seeds = 8
      8: it shows with one `seed` or `within_seeds`, not both
    seed = "7x"
      "7x": expected a whole number below 2^64, found `7x`
    within_seeds = 0
      0: expected a number of seeds of at least 1, found 0
    "#);
    let no_quiet = "[check]\nliveness = [{ all-requests-complete = { within = \"3s\" } }]";
    let later = "[[phase]]\nname = \"more\"\nfor = \"1s\"\n[check]\nliveness = [{ converged = { within = \"3s\" } }]";
    insta::assert_snapshot!(table(&[("quiet = true", no_quiet)]) + &with_tail(later), @r#"
    liveness = [{ all-requests-complete = { within = "3s" } }]
      { all-requests-complete = { within = "3s" } }: progress is judged in quiet phases, and there is none (end with a phase that has quiet = true)
    liveness = [{ converged = { within = "3s" } }]
      { converged = { within = "3s" } }: `converged` is judged after the last phase, which is not quiet (end with a phase that has quiet = true)
    "#);
}

#[test]
fn of_plans() {
    let plan = |top: &str, tail: &str| {
        let text = format!(
            "title = \"t\"\nsystem = \"vsr\"\n{top}\n[cluster]\nreplicas = 3\nclients = 1\n{tail}\n[[phase]]\nname = \"q\"\nfor = \"1s\"\n"
        );
        complaints(&text)
    };
    let explicit = "[workload]\nkind = \"explicit\"\noperations = []";
    let said = [
        plan("deviations = []", explicit),
        plan("entropy = -1", explicit),
        plan("entropy = 7\ndigest = \"123\"\nbuild = 3", explicit),
        plan("entropy = 7\ndeviations = [\"lose r0->r1 A #1\", \"drop r0->r3 A #1\", \"drop r0->r1 A #1\", \"drop r0->r1 A #1\"]", explicit),
    ]
    .concat();
    insta::assert_snapshot!(said, @r#"
    test.toml: a scenario needs `entropy`
    test.toml:3:11: expected a whole number below 2^64, found -1
      |
    3 | entropy = -1
      |           ^^
    test.toml:4:10: expected a digest of 16 hexadecimal digits, found `123`
      |
    4 | digest = "123"
      |          ^^^^^
    test.toml:5:9: expected the name of a build, found an integer
      |
    5 | build = 3
      |         ^
    test.toml:4:15: `lose` cannot be said of `r0->r1 A #1`
      |
    4 | deviations = ["lose r0->r1 A #1", "drop r0->r3 A #1", "drop r0->r1 A #1", "drop r0->r1 A #1"]
      |               ^^^^^^^^^^^^^^^^^^
    test.toml:4:35: there is no r3: the cluster has 3 replicas, r0 to r2
      |
    4 | deviations = ["lose r0->r1 A #1", "drop r0->r3 A #1", "drop r0->r1 A #1", "drop r0->r1 A #1"]
      |                                   ^^^^^^^^^^^^^^^^^^
    test.toml:4:75: this decision is decided twice
      |
    4 | deviations = ["lose r0->r1 A #1", "drop r0->r3 A #1", "drop r0->r1 A #1", "drop r0->r1 A #1"]
      |                                                                           ^^^^^^^^^^^^^^^^^^
    "#);

    // Everything that leaves something to chance.
    let text = r#"title = "t"
system = "vsr"
entropy = 7
[cluster]
replicas = 3
clients = 1
[network]
latency = { min = "1ms", max = "2ms" }
loss = 0.1
[storage]
crash_tear = 0.5
[clock]
offset_max = "1ms"
[schedule]
shuffle = 0.5
[workload]
kind = "kv"
keys = 1
rate = "1/s"
mix = { get = 1 }
[[phase]]
name = "p"
for = "5s"
[[phase.fault]]
every = "1s"
crash = { target = "primary" }
[[phase.fault]]
on = "backup sends PrepareOk #3"
partition = { halves = true }
[[phase.fault]]
at = "1s"
partition = { bridge = "r0", heal_after = { mean = "1s" } }
[[phase]]
name = "q"
for = "1s"
quiet = true
"#;
    let mistakes = parse("test", text, &registry()).expect_err("it is full of chance");
    let said: String =
        mistakes.iter().map(|mistake| format!("{:?} {}\n", mistake.location(text), mistake.message)).collect();
    insta::assert_snapshot!(said, @r#"
    (8, 11) a plan cannot spread durations; it needs one duration, such as "5ms"
    (9, 8) a plan cannot have a probability other than 0
    (11, 14) a plan cannot have a probability other than 0
    (13, 14) a plan cannot draw clock offsets; it says them as in deviations = ["offset r1 clock +3ms"]
    (15, 11) a plan cannot have a probability other than 0
    (17, 8) a plan cannot draw its operations; it lists them, with kind = "explicit"
    (25, 9) a plan cannot repeat faults by `every`; it has each of them with its own `at`
    (26, 20) a plan names the node, not `primary`
    (28, 6) a plan names the node, not `backup`
    (28, 6) a plan says `exactly #N`, so that the moment is the same whenever the phase begins
    (29, 24) a plan cannot draw halves; it says the `groups`
    (32, 24) a plan cannot draw who is on which side of a bridge; it says the `groups`
    (32, 43) a plan cannot spread durations; it needs one duration, such as "5ms"
    (36, 9) a plan does not leave open who is in the core of a quiet phase; it says core = "all" or lists the nodes
    "#);
}
