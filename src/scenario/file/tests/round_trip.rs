//! Printing and reading are inverses, and what is printed reads well.

use proptest::prelude::*;

use super::super::{parse, print};
use super::generate::{plan, scenario};
use super::{read, registry};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn scenarios_read_back(scenario in scenario()) {
        let text = print(&scenario);
        prop_assert_eq!(parse("test", &text, &registry()), Ok(scenario.into()), "{}", text);
    }

    #[test]
    fn plans_read_back(plan in plan()) {
        let text = print(&plan);
        prop_assert_eq!(parse("test", &text, &registry()), Ok(plan.into()), "{}", text);
    }
}

#[test]
fn a_plan_reads_well() {
    let text = r#"title = "a backup forgets what it acknowledged"
system = "vsr"
plant = "early-ack"
entropy = 7
digest = "0123456789abcdef"
build = "foretell 0.1.0"
deviations = [
  "drop r0->r1 Prepare(v0 op1) #2",
  "delay r1->r0 PrepareOk(v0 op1) #1 +3ms",
]

[cluster]
replicas = 3
clients = 2

[network]
latency = "5ms"

[workload]
kind = "explicit"
operations = [
  "c0 after 3ms put k1 17",
  "c0 get k1",
  "c1 after 2ms cas k0 (absent) 5, give up after 2s",
]

[[phase]]
name = "trouble"
for = "5s"

[[phase.fault]]
on = "r1 sends PrepareOk(v0 op1) exactly #1"
crash = { target = "r1", restart_after = "1s", max_down = "all" }

[[phase.fault]]
at = "2s"
partition = { groups = [["r0", "c0"], ["rest"]], heal_after = "1.5s" }

[[phase]]
name = "recover"
for = "5s"
quiet = true
core = ["r0", "r1", "c0"]
healed = ["r2"]

[check]
safety = ["log-prefix"]
liveness = [{ all-requests-complete = { within = "3s" } }]

[expect]
outcome = "violation"
check = "log-prefix"
"#;
    assert_eq!(print(&read(text)), text);
}

#[test]
fn defaults_are_left_out() {
    let text = r#"title = "t"
system = "ping"
[cluster]
replicas = 3
clients = 0
[network]
latency = { shape = "constant", min = "1ms", max = "1ms" }
"#;
    // No such shape: a constant is written without a table.
    assert!(parse("test", text, &registry()).is_err());
    let text = r#"title = "t"
system = "ping"
[cluster]
replicas = 0x3
clients = 0
[network]
latency = "1000us"
loss = 0.0
[storage]
crash_keep = 0
[clock]
offset_max = "0s"
[schedule]
[[phase]]
name = "p"
for = "1m"
quiet = false
[[phase.fault]]
every = { shape = "exponential", min = "0s", mean = "2s", max = "20s" }
crash = { target = "r0", max_down = "minority" }
[[phase.fault]]
on = "r0 boots #1"
before = false
heal = {}
[[phase]]
name = "q"
for = "1s"
quiet = true
core = "drawn"
[check]
reached = []
liveness = []
[expect]
outcome = "pass"
"#;
    assert_eq!(
        print(&read(text)),
        r#"title = "t"
system = "ping"

[cluster]
replicas = 3
clients = 0

[[phase]]
name = "p"
for = "60s"

[[phase.fault]]
every = { mean = "2s" }
crash = { target = "r0" }

[[phase.fault]]
on = "r0 boots"
heal = true

[[phase]]
name = "q"
for = "1s"
quiet = true
"#
    );
}

#[test]
fn files_of_other_systems_are_read() {
    let text = "title = \"t\"\nsystem = \"ping\"\n[cluster]\nreplicas = 3\nclients = 0\n[[phase]]\nname = \"p\"\nfor = \"1s\"\n";
    assert_eq!(read(&text.replace('\n', "\r\n")), read(text));
    assert_eq!(read(&["\u{feff}", text].concat()), read(text));
}
