//! The places of a file, apart from faults. What each key means is said at length in `docs/scenarios.md`.

use super::kinds::Kind;
use super::{Choices, Place, Rule, may, need};

/// A duration, or a table that says how durations are spread.
pub(super) const DISTRIBUTION: Kind = Kind::Either("spread", &[Kind::Duration, Kind::Table("distribution")]);

const MACHINES: u64 = 64;

/// The table whose keys the systems know.
pub(super) const PARAMETERS: &str = "[parameters]";

pub(super) const PLACES: &[Place] = &[
    Place {
        name: "a scenario",
        about: "A scenario.",
        choices: Choices::File,
        keys: &[
            need("title", Kind::Text, "One line for lists."),
            need("system", Kind::System, "Which system is under test."),
            may("plant", Kind::Plant, "Which of the system's planted bugs is switched on."),
            may(
                "entropy",
                Kind::Seed,
                "Makes the file a plan: the system's own source of randomness, below 2^64; in quotes if it is 2^63 or more.",
            ),
            may(
                "deviations",
                Kind::List(&Kind::Deviation),
                "Of a plan: the decisions that did not take their defaults.",
            ),
            may("oracles", Kind::List(&Kind::Oracle), "Of a plan: which oracles judged the run it was recorded from."),
            may("digest", Kind::Digest, "Of a plan: the digest of the run it was recorded from."),
            may("build", Kind::String, "Of a plan: what recorded it."),
            may("trace", Kind::Table("trace"), "Of a plan: the run it was recorded from, event by event."),
            need("cluster", Kind::Table("cluster"), "How many machines there are."),
            may("parameters", Kind::Table("parameters"), "What is chosen of the system; its defaults if left out."),
            may("network", Kind::Table("network"), "How the network behaves; calm if left out."),
            may("storage", Kind::Table("storage"), "How the disks behave; calm if left out."),
            may("clock", Kind::Table("clock"), "How the clocks behave; exact if left out."),
            may("schedule", Kind::Table("schedule"), "How ready tasks are ordered; first in, first out if left out."),
            may("workload", Kind::Table("workload"), "What the clients ask for; needed unless there are no clients."),
            need("phase", Kind::List(&Kind::Table("phase")), "What happens, one phase after the other."),
            may("check", Kind::Table("check"), "What is judged; all safety oracles if left out."),
            may("expect", Kind::Table("expect"), "What should come of it; every promise is kept if left out."),
        ],
        rules: &[
            Rule::With("deviations", "entropy"),
            Rule::With("oracles", "entropy"),
            Rule::With("digest", "entropy"),
            Rule::With("build", "entropy"),
            Rule::With("trace", "entropy"),
        ],
    },
    Place {
        name: PARAMETERS,
        about: "What is chosen of the system.",
        choices: Choices::Any,
        // Those that the systems have.
        keys: &[],
        rules: &[],
    },
    Place {
        name: "[trace]",
        about: "The run that a plan was recorded from, event by event.",
        choices: Choices::None,
        keys: &[need("bytes", Kind::Bytes, "One byte of the digest after each event, in hexadecimal digits.")],
        rules: &[],
    },
    Place {
        name: "[cluster]",
        about: "How many machines there are.",
        choices: Choices::Any,
        keys: &[
            need("replicas", Kind::Whole(1, MACHINES), "How many replicas there are: r0, r1, and so on."),
            need("clients", Kind::Whole(0, MACHINES), "How many client machines there are: c0, c1, and so on."),
        ],
        rules: &[],
    },
    Place {
        name: "[network]",
        about: "How the network behaves.",
        choices: Choices::Any,
        keys: &[
            may("latency", DISTRIBUTION, "How long a packet travels; \"1ms\" if left out."),
            may("loss", Kind::Ratio, "How often a packet is lost."),
            may("duplicate", Kind::Ratio, "How often a second copy arrives, with a latency of its own."),
            may("reorder", Kind::Ratio, "How often a packet may overtake others of its link."),
            may("corrupt", Kind::Ratio, "How often a bit of the payload is flipped."),
            may("misroute", Kind::Ratio, "How often a packet arrives at another node than it was sent to."),
            may(
                "delivery",
                Kind::Words("delivery", &["datagram", "stream"]),
                "Whether each packet comes for itself, or all of a pair in order until their connection breaks.",
            ),
            may("bandwidth", Kind::Bandwidth, "How much each link carries, as in \"10MB/s\"; any amount if left out."),
            may(
                "queue",
                Kind::Whole(1, 1_000_000),
                "How many packets of a link may wait for others to be transmitted.",
            ),
            may("clog", Kind::Table("clogs"), "How often links clog, and for how long."),
        ],
        rules: &[],
    },
    Place {
        name: "the network's `clogs`",
        about: "How often links clog, and for how long.",
        choices: Choices::Any,
        keys: &[
            need("share", Kind::Ratio, "How often a packet finds that its link clogs."),
            need("for", DISTRIBUTION, "How long everything on the link waits."),
        ],
        rules: &[],
    },
    Place {
        name: "[storage]",
        about: "How the disks behave.",
        choices: Choices::Any,
        keys: &[
            may("read_latency", DISTRIBUTION, "How long reading takes; \"100us\" if left out."),
            may("write_latency", DISTRIBUTION, "How long writing takes; \"100us\" if left out."),
            may("sync_latency", DISTRIBUTION, "How long a sync takes; \"500us\" if left out."),
            may("crash_keep", Kind::Ratio, "How often a crash keeps a sector that was written and not synced."),
            may(
                "crash_tear",
                Kind::Ratio,
                "How often a crash leaves such a sector torn: its first bytes new, the rest old.",
            ),
            may(
                "crash_tear_names",
                Kind::Ratio,
                "How often a crash leaves changes of names that were not synced torn: some of their steps done, others not.",
            ),
            may("stall", Kind::Table("stall"), "How often an operation takes much longer, and how much."),
            may("rot_bit", Kind::Ratio, "How often a bit of what is written goes bad."),
            may("rot_byte", Kind::Ratio, "How often a byte of what is written goes bad."),
            may(
                "unreadable",
                Kind::Ratio,
                "How often a sector that is written cannot be read until it is written over.",
            ),
            may("misdirected_write", Kind::Ratio, "How often a write lands elsewhere in its file."),
            may("lost_write", Kind::Ratio, "How often a write is acknowledged and never done."),
            may("no_space", Kind::Ratio, "How often a write fails because the disk is full."),
            may("misdirected_read", Kind::Ratio, "How often a read gives what lies elsewhere in its file."),
            may("read_error", Kind::Ratio, "How often a read fails, once."),
            may("failed_sync", Kind::Ratio, "How often a sync fails; what it should have written is dropped."),
            may("lying_sync", Kind::Ratio, "How often a sync is said to be good and does nothing."),
            may(
                "budget",
                Kind::Words("budget", &["recoverable", "none"]),
                "How much damage there may be; \"recoverable\" if left out. With \"none\" only safety is judged.",
            ),
        ],
        rules: &[],
    },
    Place {
        name: "`stall`",
        about: "Operations that take much longer than others.",
        choices: Choices::Any,
        keys: &[need("share", Kind::Ratio, "How often."), need("for", Kind::Duration, "How much longer.")],
        rules: &[],
    },
    Place {
        name: "[clock]",
        about: "How the clocks behave.",
        choices: Choices::Any,
        keys: &[
            may("offset_max", Kind::Duration, "Each node's clocks are ahead of true time by up to this much."),
            may(
                "drift_max",
                Kind::DriftMax,
                "Each node's clocks run fast or slow by up to this much, as in \"100ppm\".",
            ),
        ],
        rules: &[],
    },
    Place {
        name: "[schedule]",
        about: "How ready tasks are ordered.",
        choices: Choices::Any,
        keys: &[may("shuffle", Kind::Ratio, "How often a task that was made ready lets others go first.")],
        rules: &[],
    },
    Place {
        name: "[workload]",
        about: "What the clients ask for.",
        choices: Choices::Any,
        keys: &[
            need(
                "kind",
                Kind::Words("workload-kind", &["kv", "explicit"]),
                "Whether operations are drawn (\"kv\") or listed (\"explicit\").",
            ),
            may("keys", Kind::Whole(1, 1_000_000), "Of \"kv\": how many keys there are."),
            may(
                "rate",
                Kind::Rate,
                "Of \"kv\": operations a second, all clients together, as long as answers come at once.",
            ),
            may("mix", Kind::Table("mix"), "Of \"kv\": shares of the kinds of operation."),
            may(
                "operations",
                OPERATIONS,
                "Of \"kv\": all clients together stop after this many. Of \"explicit\": the operations, each as in \"c0 after 3ms put k1 17\".",
            ),
            may(
                "give_up_after",
                Kind::Duration,
                "Of \"kv\": a client stops waiting after this long, and goes on under a new identity.",
            ),
        ],
        rules: &[
            Rule::When { key: "kind", is: "kv", needs: &["keys", "rate", "mix"], never: &[] },
            Rule::When {
                key: "kind",
                is: "explicit",
                needs: &["operations"],
                never: &["keys", "rate", "mix", "give_up_after"],
            },
        ],
    },
    Place {
        name: "`mix`",
        about: "Shares of the kinds of operation, which need not add up to 1.",
        choices: Choices::Any,
        keys: &[
            may("get", Kind::Ratio, "The share of reads."),
            may("put", Kind::Ratio, "The share of writes."),
            may("append", Kind::Ratio, "The share of additions at the end of a value."),
            may("cas", Kind::Ratio, "The share of writes to a key that has to hold what the client last saw there."),
            may("delete", Kind::Ratio, "The share of removals."),
        ],
        rules: &[],
    },
    Place {
        name: "a distribution",
        about: "How durations are spread: between min and max, around a mean, or fast and rarely slow.",
        choices: Choices::Any,
        keys: &[
            may(
                "shape",
                Kind::Words("shape", &["uniform", "exponential", "log-normal"]),
                "How the values are spread; with a mean \"exponential\" if left out, else \"uniform\".",
            ),
            may("min", Kind::Duration, "The least; with a mean 0 if left out."),
            may("mean", Kind::Duration, "The mean, before the longest are cut."),
            may("max", Kind::Duration, "The greatest; with a mean ten times the mean if left out."),
            may("fast", Kind::Duration, "The usual duration, of a queue that sometimes stalls."),
            may("slow", Kind::Duration, "The unusual duration."),
            may("share", Kind::Ratio, "How often it is the unusual one."),
        ],
        rules: &[
            Rule::Some(&[&["mean"], &["min", "max"], &["fast", "slow", "share"]]),
            Rule::With("fast", "slow"),
            Rule::With("slow", "share"),
            Rule::With("share", "fast"),
        ],
    },
    Place {
        name: "[[phase]]",
        about: "A stretch of the run with faults of its own, or a quiet one.",
        choices: Choices::Element,
        keys: &[
            need("name", Kind::Text, "What it is called; unique in the file."),
            need("for", Kind::Duration, "How long it lasts."),
            may("quiet", Kind::Boolean, "Whether faults have ended and progress is judged."),
            may("core", CORE, "In a quiet phase: who is healed and must make progress; \"drawn\" if left out."),
            may("healed", Kind::List(&Kind::Node), "In a quiet phase whose core is a list: who heals besides."),
            may("fault", Kind::List(&Kind::Table("fault")), "What goes wrong, unless the phase is quiet."),
        ],
        rules: &[Rule::With("core", "quiet"), Rule::With("healed", "core")],
    },
    Place {
        name: "[check]",
        about: "What is judged.",
        choices: Choices::None,
        keys: &[
            may("safety", Kind::List(&Kind::SafetyOracle), "Which safety oracles watch; all of them if left out."),
            may(
                "liveness",
                Kind::List(&Kind::Table("liveness")),
                "What has to happen in a quiet phase, and within how long.",
            ),
            may(
                "reached",
                Kind::List(&Kind::Text),
                "Marks that a range of seeds must pass at least once, which proves that the scenario bites.",
            ),
        ],
        rules: &[],
    },
    Place {
        name: "`liveness`",
        about: "What has to happen in a quiet phase.",
        choices: Choices::None,
        keys: &[
            may(
                "all-requests-complete",
                Kind::Table("promise"),
                "In a quiet phase every request of a client of the core is answered in time.",
            ),
            may(
                "converged",
                Kind::Table("promise"),
                "After the last phase, which is quiet, all replicas of the core become equal in time.",
            ),
        ],
        rules: &[Rule::Some(&[&["all-requests-complete"], &["converged"]])],
    },
    Place {
        name: "a liveness promise",
        about: "Within how long.",
        choices: Choices::None,
        keys: &[need("within", Kind::Duration, "Longer than the system may wait before it tries again.")],
        rules: &[],
    },
    Place {
        name: "[expect]",
        about: "What should come of the scenario.",
        choices: Choices::None,
        keys: &[
            need(
                "outcome",
                Kind::Words("outcome", &["pass", "violation"]),
                "Whether every promise is kept or one is broken.",
            ),
            may("check", Kind::Oracle, "Which oracle has to object; any may if left out."),
            may("seed", Kind::Seed, "The seed with which the violation shows."),
            may(
                "within_seeds",
                Kind::Whole(1, u64::MAX),
                "The violation shows with at least one of the seeds below this number.",
            ),
        ],
        rules: &[Rule::When { key: "outcome", is: "pass", needs: &[], never: &["check", "seed", "within_seeds"] }],
    },
];

const OPERATIONS: Kind = Kind::Either("operations", &[Kind::Whole(1, u64::MAX), Kind::List(&Kind::Operation)]);

const CORE: Kind = Kind::Either("core", &[Kind::Words("core-word", &["all", "up", "drawn"]), Kind::List(&Kind::Node)]);
