//! What may stand behind a key.

use serde_json::{Value, json};

use crate::check::OracleId;
use crate::scenario::{Registry, Target};

/// A sort of value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Any text.
    String,
    /// Text that is not empty.
    Text,
    /// The name of a system.
    System,
    /// The name of a planted bug.
    Plant,
    /// A whole number between two others, both included.
    Whole(u64, u64),
    /// A number of 64 bits, as text if it is large.
    Seed,
    /// `true` or `false`.
    Boolean,
    /// `true`.
    True,
    /// `"300ms"`.
    Duration,
    /// A number from 0 to 1.
    Ratio,
    /// `"200/s"`.
    Rate,
    /// `"10MB/s"`.
    Bandwidth,
    /// `"100ppm"`.
    DriftMax,
    /// `"+500ppm"`.
    Drift,
    /// `"+3s"`.
    Shift,
    /// `"PrepareOk"`, `"PrepareOk(v0 op1)"`.
    Label,
    /// Sixteen hexadecimal digits.
    Digest,
    /// Hexadecimal digits, two for each byte.
    Bytes,
    /// `"r0"`.
    Node,
    /// A node, or a word for one or several.
    Target,
    /// A moment of the protocol.
    Moment,
    /// `"drop r0->r1 Prepare(v0 op1) #2"`.
    Deviation,
    /// `"c0 after 3ms put k1 17"`.
    Operation,
    /// An oracle.
    Oracle,
    /// An oracle that is not about progress.
    SafetyOracle,
    /// One of these words; first, what they are called together.
    Words(&'static str, &'static [&'static str]),
    /// A table.
    Table(&'static str),
    /// A list.
    List(&'static Kind),
    /// One of these; first, what they are called together.
    Either(&'static str, &'static [Kind]),
}

/// What a range can be between.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    Whole,
    Ratio,
    Duration,
    Rate,
    Bandwidth,
}

/// As many copies as an element of a list can have.
pub(super) const COPIES: Kind = Kind::Whole(0, 64);

pub(super) const REPEAT: &str = "How many times this element stands in the list; each copy chooses for itself.";
pub(super) const MERGED: &str = "Alternatives of several keys; one of them is merged into this table.";
pub(super) const CHOSEN: &str = "One of these, equally likely unless there are weights.";

const DURATION: &str = "[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m)";
const NODE: &str = "[rc](0|[1-9][0-9]*)";

/// Anything, also several lines of it.
const ANY: &str = "[\\s\\S]*";

impl Kind {
    /// What it is called in the schema.
    pub fn id(&self) -> String {
        let id = match self {
            Kind::String => "string",
            Kind::Text => "text",
            Kind::System => "system",
            Kind::Plant => "plant",
            Kind::Whole(low, high) => return format!("whole-{low}-{high}"),
            Kind::Seed => "seed",
            Kind::Boolean => "boolean",
            Kind::True => "true",
            Kind::Duration => "duration",
            Kind::Ratio => "ratio",
            Kind::Rate => "rate",
            Kind::Bandwidth => "bandwidth",
            Kind::DriftMax => "drift-max",
            Kind::Drift => "drift",
            Kind::Shift => "shift",
            Kind::Label => "label",
            Kind::Digest => "digest",
            Kind::Bytes => "bytes",
            Kind::Node => "node",
            Kind::Target => "target",
            Kind::Moment => "moment",
            Kind::Deviation => "deviation",
            Kind::Operation => "operation",
            Kind::Oracle => "oracle",
            Kind::SafetyOracle => "safety-oracle",
            Kind::Words(id, _) | Kind::Table(id) | Kind::Either(id, _) => id,
            Kind::List(element) => return format!("list-of-{}", element.id()),
        };
        id.to_string()
    }

    /// Whether it fits on a line, so that little is underlined if it is wrong.
    pub fn is_small(&self) -> bool {
        match self {
            Kind::Table(_) | Kind::List(_) => false,
            Kind::Either(_, kinds) => kinds.iter().all(Kind::is_small),
            _ => true,
        }
    }

    /// Between what a value of it can be drawn.
    pub fn bound(&self) -> Option<Bound> {
        match self {
            Kind::Whole(..) => Some(Bound::Whole),
            Kind::Ratio => Some(Bound::Ratio),
            Kind::Duration => Some(Bound::Duration),
            Kind::Rate => Some(Bound::Rate),
            Kind::Bandwidth => Some(Bound::Bandwidth),
            Kind::Either(_, kinds) => kinds.iter().find_map(Kind::bound),
            _ => None,
        }
    }

    /// What a value of it looks like that is not made of others.
    pub fn plain(&self, registry: &Registry) -> Value {
        let text = |pattern: String| json!({ "type": "string", "pattern": format!("^{pattern}$") });
        let words = |words: Vec<&str>| json!({ "type": "string", "enum": words });
        match self {
            Kind::String => json!({ "type": "string" }),
            Kind::Text => json!({ "type": "string", "minLength": 1 }),
            Kind::System => words(registry.names().collect()),
            Kind::Plant => {
                let mut plants: Vec<&str> = registry.names().flat_map(|name| registry.plants(name)).copied().collect();
                plants.sort_unstable();
                plants.dedup();
                words(plants)
            }
            Kind::Whole(low, u64::MAX) => json!({ "type": "integer", "minimum": low }),
            Kind::Whole(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
            Kind::Seed => {
                json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, text("[0-9]+".to_string())] })
            }
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::True => json!({ "const": true }),
            Kind::Duration => text(DURATION.to_string()),
            Kind::Ratio => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
            Kind::Rate => text("[0-9]+/s".to_string()),
            Kind::Bandwidth => text("[0-9]+(B|kB|MB|GB)/s".to_string()),
            Kind::DriftMax => text("[0-9]+ppm".to_string()),
            Kind::Drift => text("[+-][0-9]+ppm".to_string()),
            Kind::Shift => text(format!("[+-]{DURATION}")),
            Kind::Label => text("[A-Za-z][A-Za-z-]*(\\([^()]+\\))?".to_string()),
            Kind::Digest => text("[0-9a-fA-F]{16}".to_string()),
            Kind::Bytes => text("\\s*([0-9a-fA-F]\\s*)*".to_string()),
            Kind::Node => text(NODE.to_string()),
            Kind::Target => {
                json!({ "anyOf": [words(Target::words().collect()), text(NODE.to_string())] })
            }
            Kind::Moment => {
                let who = format!("({NODE}|primary|backup|replica|client|any)");
                let which = "( (exactly )?#[0-9]+)?";
                text(format!("{who} ((sends|receives|starts|finishes|reaches) [^ ]{ANY}|boots{which})"))
            }
            Kind::Deviation => {
                let verbs = "drop|delay|duplicate|reorder|corrupt|misroute|clog|slow|keep|tear|yield|offset|drift";
                let disks = "full|lose|misdirect|rot|unreadable|fail|lie";
                text(format!("({verbs}|{disks}) [^ ]{ANY}"))
            }
            Kind::Operation => {
                let start = format!(" *c(0|[1-9][0-9]*) +(after +{DURATION} +)?");
                text(format!("{start}(get|put|append|cas|delete) +k[0-9]+([ ,']{ANY})?"))
            }
            Kind::Oracle => words(oracles(OracleId::all())),
            Kind::SafetyOracle => words(oracles(OracleId::all().filter(|oracle| !oracle.is_liveness()))),
            Kind::Words(_, list) => words(list.to_vec()),
            Kind::Table(_) | Kind::List(_) | Kind::Either(..) => unreachable!("these are made of others"),
        }
    }
}

/// Names first, then tags.
fn oracles(oracles: impl Iterator<Item = OracleId>) -> Vec<&'static str> {
    let oracles: Vec<OracleId> = oracles.collect();
    oracles.iter().map(|oracle| oracle.name()).chain(oracles.iter().map(|oracle| oracle.tag())).collect()
}

impl Bound {
    /// What stands at the ends of the range.
    pub fn kind(self) -> &'static Kind {
        match self {
            Bound::Whole => &Kind::Whole(0, u64::MAX),
            Bound::Ratio => &Kind::Ratio,
            Bound::Duration => &Kind::Duration,
            Bound::Rate => &Kind::Rate,
            Bound::Bandwidth => &Kind::Bandwidth,
        }
    }
}

/// `any`.
pub(super) fn any(alternative: &Value, about: &str) -> Value {
    json!({ "description": about, "type": "array", "minItems": 1, "items": alternative })
}

/// `weights`.
pub(super) fn weights() -> Value {
    json!({
        "description": "How likely each alternative of `any` is: a whole number for each.",
        "type": "array",
        "items": { "type": "integer", "minimum": 0 },
    })
}

/// `chance`.
pub(super) fn chance() -> Value {
    json!({
        "description": "In what share of the seeds this is there at all.",
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    })
}

/// `between`.
pub(super) fn between(end: &Value) -> Value {
    json!({
        "description": "A value between the lowest and the highest, both included.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": end,
    })
}

/// `scale`.
pub(super) fn scale() -> Value {
    json!({ "description": "On the scale \"log\" each doubling is as likely as any other.", "const": "log" })
}
