//! The places of a fault: when it strikes, and what it does.

use super::kinds::Kind;
use super::places::DISTRIBUTION;
use super::{Choices, Place, Rule, may, need};

const GROUP: Kind = Kind::Either("group", &[Kind::Target, Kind::List(&Kind::Target)]);

const LIMIT: Kind = Kind::Either("limit", &[Kind::Words("limit-word", &["minority", "all"]), Kind::Whole(1, 64)]);

const RESTART: &str = "How long until they boot again; not by itself if left out.";
const HEAL: &str = "How long until it heals; not by itself if left out.";
/// No file has more.
const BYTES: u64 = 1 << 30;
const SECTORS: u64 = BYTES / 512;

const MISHAPS: &[&str] = &[
    "rot-bit",
    "rot-byte",
    "unreadable",
    "misdirected-write",
    "lost-write",
    "no-space",
    "misdirected-read",
    "read-error",
    "failed-sync",
    "lying-sync",
];

const CUT_ONLY: &str = "Only packets with this label, or of this kind, are lost, as in \"StartView\".";
const HOLD_ONLY: &str = "Only packets with this label, or of this kind, wait, as in \"PrepareOk\".";
const LIMITED: &str = "Not if more replicas than this would then be down; \"minority\" if left out.";

pub(super) const PLACES: &[Place] = &[
    Place {
        name: "a fault",
        about: "Something that goes wrong: when, and what.",
        choices: Choices::Element,
        keys: &[
            may("at", Kind::Duration, "It strikes once, this long after the phase began."),
            may("every", DISTRIBUTION, "It strikes again and again until the phase ends, so far apart."),
            may(
                "on",
                Kind::Moment,
                "It strikes once, at a moment of the protocol, as in \"backup sends PrepareOk #3\".",
            ),
            may("before", Kind::Boolean, "With on: just before the effect of that moment."),
            may("nth", Kind::Whole(1, 4_294_967_295), "With on: which of these moments, counted from 1."),
            may("crash", Kind::Table("crash"), "Nodes stop dead; unsynced writes are kept, lost or torn."),
            may("restart", Kind::Table("restart"), "Nodes that are down boot."),
            may("pause", Kind::Table("pause"), "Nodes stop for a while: packets wait, timers come due, nothing runs."),
            may("wipe", Kind::Table("wipe"), "Nodes stop dead and lose their disks."),
            may("partition", Kind::Table("partition"), "The nodes fall apart; replaces the partition in force."),
            may("cut", Kind::Table("cut"), "Packets from some nodes to others are lost; comes on top of a partition."),
            may("clog", Kind::Table("clog"), "Packets from some nodes to others wait for a while; none is lost."),
            may("hold", Kind::Table("hold"), "Packets from some nodes to others wait until they are released."),
            may("release", Kind::Table("release"), "What is held between some nodes and others arrives, in order."),
            may("heal", Kind::Either("healing", &[Kind::True, Kind::Table("heal")]), "All partitions and cuts end."),
            may("clock", Kind::Table("change"), "The clocks of nodes jump, or drift."),
            may("rot", Kind::Table("rot"), "What lies on disks goes bad."),
            may("unreadable", Kind::Table("unreadable"), "A sector cannot be read until it is written over."),
            may("disk", Kind::Table("disk"), "The next operation of a disk that fits goes amiss."),
            may("stall", Kind::Table("disks"), "Disks stall: what begins on them meanwhile waits."),
        ],
        rules: &[
            Rule::One(&["at", "every", "on"]),
            Rule::One(&[
                "crash",
                "restart",
                "pause",
                "wipe",
                "partition",
                "cut",
                "clog",
                "hold",
                "release",
                "heal",
                "clock",
                "rot",
                "unreadable",
                "disk",
                "stall",
            ]),
            Rule::With("before", "on"),
            Rule::With("nth", "on"),
        ],
    },
    Place {
        name: "`crash`",
        about: "Nodes stop dead; unsynced writes are kept, lost or torn.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whom it strikes."),
            may("restart_after", DISTRIBUTION, RESTART),
            may("max_down", LIMIT, LIMITED),
        ],
        rules: &[],
    },
    Place {
        name: "`restart`",
        about: "Nodes that are down boot.",
        choices: Choices::Any,
        keys: &[need("target", Kind::Target, "Whom it strikes.")],
        rules: &[],
    },
    Place {
        name: "`pause`",
        about: "Nodes stop for a while.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whom it strikes."),
            may("resume_after", DISTRIBUTION, "How long until they go on; not by itself if left out."),
        ],
        rules: &[],
    },
    Place {
        name: "`wipe`",
        about: "Nodes stop dead and lose their disks.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whom it strikes."),
            may("restart_after", DISTRIBUTION, RESTART),
            may("max_down", LIMIT, LIMITED),
        ],
        rules: &[],
    },
    Place {
        name: "`partition`",
        about: "The nodes fall apart.",
        choices: Choices::Any,
        keys: &[
            may("isolate", Kind::Target, "One node on one side, everybody else on the other."),
            may("halves", Kind::True, "Two sides, drawn, with the replicas as even as can be."),
            may("bridge", Kind::Target, "Two sides as in halves, which both still reach this node."),
            may("ring", Kind::True, "Each replica reaches only its two neighbours, and all clients."),
            may("groups", Kind::List(&GROUP), "These groups; a node in none of them is cut off from all."),
            may("heal_after", DISTRIBUTION, HEAL),
        ],
        rules: &[Rule::One(&["isolate", "halves", "bridge", "ring", "groups"])],
    },
    Place {
        name: "`cut`",
        about: "Packets from some nodes to others are lost.",
        choices: Choices::Any,
        keys: &[
            need("from", GROUP, "From whom."),
            need("to", GROUP, "To whom."),
            may("only", Kind::Label, CUT_ONLY),
            may("both_ways", Kind::Boolean, "Whether packets the other way are lost as well."),
            may("heal_after", DISTRIBUTION, HEAL),
        ],
        rules: &[],
    },
    Place {
        name: "`clog`",
        about: "Packets from some nodes to others wait for a while.",
        choices: Choices::Any,
        keys: &[
            need("from", GROUP, "From whom."),
            need("to", GROUP, "To whom."),
            need("for", DISTRIBUTION, "How long they wait."),
        ],
        rules: &[],
    },
    Place {
        name: "`hold`",
        about: "Packets from some nodes to others wait until they are released.",
        choices: Choices::Any,
        keys: &[
            need("from", GROUP, "From whom."),
            need("to", GROUP, "To whom."),
            may("only", Kind::Label, HOLD_ONLY),
            may("release_after", DISTRIBUTION, "How long until they are released; not by itself if left out."),
        ],
        rules: &[],
    },
    Place {
        name: "`rot`",
        about: "What lies on disks goes bad: some bits of a byte, or a sector.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whose disk it is."),
            need("file", Kind::Text, "Which file of it."),
            may("byte", Kind::Whole(0, BYTES - 1), "Which byte of the file; drawn if no spot is given."),
            may("bits", Kind::Whole(1, 255), "With byte: which bits of it, the lowest as 1; 1 if left out."),
            may("sector", Kind::Whole(0, SECTORS - 1), "Which sector of the file goes bad, all of it."),
            may(
                "extent",
                Kind::Words("extent", &["bit", "byte", "sector"]),
                "How much goes bad, somewhere in the file; a bit if left out.",
            ),
        ],
        rules: &[Rule::With("bits", "byte")],
    },
    Place {
        name: "`unreadable`",
        about: "A sector cannot be read until it is written over.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whose disk it is."),
            need("file", Kind::Text, "Which file of it."),
            may("sector", Kind::Whole(0, SECTORS - 1), "Which sector of it; drawn if left out."),
        ],
        rules: &[],
    },
    Place {
        name: "`release`",
        about: "What is held between some nodes and others arrives, in order.",
        choices: Choices::Any,
        keys: &[need("from", GROUP, "From whom."), need("to", GROUP, "To whom.")],
        rules: &[],
    },
    Place {
        name: "a `clock` change",
        about: "The clocks of nodes jump, or drift.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whose."),
            may("jump", Kind::Shift, "By how much the calendar clock jumps, as in \"+3s\" or \"-3s\"."),
            may("drift", Kind::Drift, "How fast or slow both clocks run from then on, as in \"+500ppm\"."),
        ],
        rules: &[Rule::One(&["jump", "drift"])],
    },
    Place {
        name: "`disk`",
        about: "The next operation of a disk that fits goes amiss.",
        choices: Choices::Any,
        keys: &[
            need("target", Kind::Target, "Whose disk it is."),
            need("next", Kind::Text, "The label of the operation, as in \"write(slot5)\", or its kind."),
            need("fault", Kind::Words("mishap", MISHAPS), "How it goes amiss."),
            may(
                "pick",
                Kind::Whole(0, i64::MAX as u64),
                "Where in the operation, as a share of 2^63; drawn if left out.",
            ),
        ],
        rules: &[],
    },
    Place {
        name: "a `stall` of disks",
        about: "Disks stall: what begins on them meanwhile waits.",
        choices: Choices::Any,
        keys: &[need("target", Kind::Target, "Whose disk it is."), need("for", DISTRIBUTION, "How long it stalls.")],
        rules: &[],
    },
    Place { name: "`heal`", about: "All partitions and cuts end.", choices: Choices::Any, keys: &[], rules: &[] },
];
