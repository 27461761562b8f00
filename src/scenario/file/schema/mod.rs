//! The JSON Schema of scenario files, for editors.
//!
//! The places of a file, the keys of each and what may stand behind them are said in `places` and `fault_places`, as the
//! reader knows them; a test compares the two key by key. `kinds` says what each sort of value looks like. Here the
//! schema is put together, and choices are added: where the reader takes them, any value may be one.
//!
//! A schema says less than the reader: which shapes there are, not whether a node exists or a time is over. What it
//! refuses, the reader refuses as well.

mod fault_places;
mod kinds;
mod places;

use serde_json::{Map, Value, json};

use crate::scenario::Registry;

use kinds::{Bound, Kind};

/// A table of the file.
pub(super) struct Place {
    /// What the reader calls it.
    pub name: &'static str,
    /// A sentence.
    about: &'static str,
    /// Whether there may be choices in it.
    choices: Choices,
    /// What may stand in it.
    pub keys: &'static [Key],
    /// What has to hold between its keys, unless some of them may stand in alternatives.
    rules: &'static [Rule],
}

impl Place {
    /// What it is called in the schema: `phase` for `[[phase]]`, `fault` for `a fault`.
    pub fn id(&self) -> &'static str {
        let word = self.name.rsplit(' ').next().unwrap_or(self.name);
        word.trim_matches(['[', ']', '`'])
    }
}

/// Whether there may be choices in a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Choices {
    /// None: it is the same for every seed.
    None,
    /// It is the whole file: always there, once, and some of its keys are the same for every seed.
    File,
    /// Any, also the table itself.
    Any,
    /// Any, and it is an element of a list, and so can be repeated.
    Element,
}

/// A key of a table.
pub(super) struct Key {
    pub name: &'static str,
    /// Whether the table is wrong without it.
    pub needed: bool,
    kind: Kind,
    /// A sentence.
    about: &'static str,
}

/// A key without which the table is wrong.
const fn need(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, needed: true, kind, about }
}

/// A key that may be left out.
const fn may(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, needed: false, kind, about }
}

/// What has to hold between the keys of a table.
enum Rule {
    /// Exactly one of these.
    One(&'static [&'static str]),
    /// All of at least one of these.
    Some(&'static [&'static [&'static str]]),
    /// If the first stands there, so does the second.
    With(&'static str, &'static str),
    /// If a key has this value, others are needed and others again have to be missing.
    When { key: &'static str, is: &'static str, needs: &'static [&'static str], never: &'static [&'static str] },
}

/// All places.
pub(super) fn places() -> impl Iterator<Item = &'static Place> {
    places::PLACES.iter().chain(fault_places::PLACES)
}

/// The place that the schema calls so.
fn place(id: &str) -> &'static Place {
    places().find(|place| place.id() == id).expect("kinds name places that there are")
}

/// Whether a key of the whole file is the same for every seed.
fn is_common(key: &str) -> bool {
    super::choice::COMMON.contains(&key) || super::read_plan::PLAN.contains(&key) || key == "trace"
}

/// The JSON Schema (draft 2020-12) of scenario files about these systems.
pub fn schema(registry: &Registry) -> String {
    let mut builder = Builder { registry, definitions: Map::new() };
    let mut root = builder.table(place("scenario"), false);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "foretell scenario",
        "description": "One experiment on a distributed system, or a family of them. The language is described in docs/scenarios.md.",
    });
    let object = root.as_object_mut().expect("a table is an object");
    object.remove("description");
    object.extend(head.as_object().cloned().unwrap_or_default());
    object.insert("$defs".to_string(), Value::Object(builder.definitions));
    let mut text = serde_json::to_string_pretty(&root).expect("a value has text for names and no failing parts");
    text.push('\n');
    text
}

/// In which position a value stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    /// It is the same for every seed.
    Fixed,
    /// It may be a choice.
    Free,
    /// It may be a choice, and be repeated.
    Element,
}

impl Position {
    /// Behind the name of a kind, for what may be a choice there.
    fn ending(self) -> &'static str {
        if self == Position::Element { "-element" } else { "" }
    }
}

/// Puts the schema together.
///
/// It is written for two readers. One judges a file. Where a value may have one of several forms, it should be told
/// which one is meant (`if` and `then`), because of a list of forms it only learns that none fits, and blames the whole value:
/// of `[[phase]]`, the whole file. The other one completes and explains keys. It knows lists of forms (`anyOf`) and not
/// `if`, and takes no note of a description beside a `$ref`. So what is not small says its forms twice, and where that is
/// for the second reader only, the list ends with `true`, which holds for everything.
struct Builder<'a> {
    registry: &'a Registry,
    definitions: Map<String, Value>,
}

impl Builder<'_> {
    /// A reference to a definition, which is made if it is not there yet.
    fn refer(&mut self, id: &str, define: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.definitions.contains_key(id) {
            // Definitions refer to themselves, because choices nest.
            self.definitions.insert(id.to_string(), Value::Null);
            let definition = define(self);
            self.definitions.insert(id.to_string(), definition);
        }
        json!({ "$ref": format!("#/$defs/{id}") })
    }

    /// A table; as an alternative it need not be complete.
    fn table(&mut self, place: &'static Place, alternative: bool) -> Value {
        let mut properties = Map::new();
        for key in place.keys {
            let fixed = place.choices == Choices::None || place.choices == Choices::File && is_common(key.name);
            if fixed && alternative {
                continue;
            }
            let mut value = self.property(&key.kind, if fixed { Position::Fixed } else { Position::Free });
            value["description"] = json!(key.about);
            properties.insert(key.name.to_string(), value);
        }
        if place.name == places::PARAMETERS {
            let registry = self.registry;
            for parameter in registry.names().flat_map(|system| registry.parameters(system)) {
                let mut value = self.property(&Kind::Whole(0, u64::MAX), Position::Free);
                value["description"] = json!(parameter.about);
                properties.insert(parameter.name.to_string(), value);
            }
        }
        if place.choices != Choices::None {
            let alternatives = self.refer(&format!("{}-alternative", place.id()), |builder| builder.table(place, true));
            properties.insert("any".to_string(), kinds::any(&alternatives, kinds::MERGED));
            properties.insert("weights".to_string(), self.refer("weights", |_| kinds::weights()));
        }
        if alternative || matches!(place.choices, Choices::Any | Choices::Element) {
            properties.insert("chance".to_string(), self.refer("chance", |_| kinds::chance()));
        }
        if place.choices == Choices::Element && !alternative {
            properties.insert("repeat".to_string(), self.repeat());
        }
        let mut table = json!({
            "description": place.about,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        let rules = if alternative { Vec::new() } else { rules(place) };
        if !rules.is_empty() {
            // What is missing may stand in an alternative.
            table["if"] =
                if place.choices == Choices::None { json!(true) } else { json!({ "not": { "required": ["any"] } }) };
            table["then"] = json!({ "allOf": rules });
        }
        table
    }

    /// What stands behind a key.
    fn property(&mut self, kind: &'static Kind, position: Position) -> Value {
        match (kind, position) {
            (Kind::Table(_), _) => explained(&self.value(kind, position)),
            (_, Position::Fixed) => self.plain(kind),
            _ if kind.is_small() => self.free(kind, position),
            _ => explained(&self.value(kind, position)),
        }
    }

    /// A reference to a value in some position.
    fn value(&mut self, kind: &'static Kind, position: Position) -> Value {
        match (kind, position) {
            (Kind::Table(id), _) => self.refer(id, |builder| builder.table(place(id), false)),
            (_, Position::Fixed) => self.refer(&kind.id(), |builder| builder.plain(kind)),
            _ => {
                let id = format!("{}-or-choice{}", kind.id(), position.ending());
                self.refer(&id, |builder| builder.free(kind, position))
            }
        }
    }

    /// A value that is the same for every seed.
    fn plain(&mut self, kind: &'static Kind) -> Value {
        match kind {
            Kind::List(element) => json!({ "type": "array", "items": self.value(element, Position::Fixed) }),
            Kind::Either(..) | Kind::Table(_) => unreachable!("what is the same for every seed is simpler than that"),
            _ => kind.plain(self.registry),
        }
    }

    /// A value that may be a choice.
    fn free(&mut self, kind: &'static Kind, position: Position) -> Value {
        let kinds = match kind {
            Kind::Either(_, kinds) => kinds,
            _ => std::slice::from_ref(kind),
        };
        let (mut table, mut list, mut others) = (None, None, Vec::new());
        for kind in kinds {
            match kind {
                Kind::Table(_) => table = Some(self.value(kind, Position::Free)),
                Kind::List(element) => {
                    list = Some(json!({ "type": "array", "items": self.value(element, Position::Element) }));
                }
                _ => others.push(self.value(kind, Position::Fixed)),
            }
        }
        let choice = self.choice(kind, position);
        let range = kind.bound().map(|bound| self.range(bound, position));
        let forms = others.iter().chain(&list).chain(&table).chain([&choice]).chain(&range);
        let mut forms: Vec<Value> = forms.cloned().collect();
        if kind.is_small() {
            return json!({ "anyOf": forms });
        }
        forms.push(json!(true));
        let other = match (others.len(), list) {
            (0, Some(list)) => list,
            (_, Some(list)) => either(json!({ "type": "array" }), list, json!({ "anyOf": others })),
            (1, None) => others.remove(0),
            (_, None) => json!({ "anyOf": others }),
        };
        // Beside `any` stands what its alternatives are merged into.
        let only = json!({ "required": ["any"], "propertyNames": { "enum": super::choice::WORDS } });
        let mut object = match table {
            Some(table) => either(only, choice, table),
            None => choice,
        };
        if let Some(range) = range {
            object = either(json!({ "required": ["between"] }), range, object);
        }
        let mut value = either(json!({ "type": "object" }), object, other);
        value["anyOf"] = json!(forms);
        value
    }

    /// `{ any = [..] }`, whose alternatives may be choices in turn.
    fn choice(&mut self, kind: &'static Kind, position: Position) -> Value {
        self.refer(&format!("{}-choice{}", kind.id(), position.ending()), |builder| {
            let alternatives = builder.value(kind, Position::Free);
            let mut properties = Map::new();
            properties.insert("any".to_string(), kinds::any(&alternatives, kinds::CHOSEN));
            properties.insert("weights".to_string(), builder.refer("weights", |_| kinds::weights()));
            builder.choice_of(properties, "any", position)
        })
    }

    /// `{ between = [low, high] }`.
    fn range(&mut self, bound: Bound, position: Position) -> Value {
        self.refer(&format!("{}-range{}", bound.kind().id(), position.ending()), |builder| {
            let end = builder.value(bound.kind(), Position::Fixed);
            let mut properties = Map::new();
            properties.insert("between".to_string(), kinds::between(&end));
            properties.insert("scale".to_string(), builder.refer("scale", |_| kinds::scale()));
            builder.choice_of(properties, "between", position)
        })
    }

    fn choice_of(&mut self, mut properties: Map<String, Value>, word: &str, position: Position) -> Value {
        properties.insert("chance".to_string(), self.refer("chance", |_| kinds::chance()));
        if position == Position::Element {
            properties.insert("repeat".to_string(), self.repeat());
        }
        json!({ "type": "object", "properties": properties, "required": [word], "additionalProperties": false })
    }

    fn repeat(&mut self) -> Value {
        let mut value = self.property(&kinds::COPIES, Position::Free);
        value["description"] = json!(kinds::REPEAT);
        value
    }
}

/// A reference beside which a description counts.
fn explained(reference: &Value) -> Value {
    json!({ "anyOf": [reference, true], "if": true, "then": reference })
}

/// One of two forms.
fn either(condition: Value, then: Value, otherwise: Value) -> Value {
    json!({ "if": condition, "then": then, "else": otherwise })
}

/// What has to hold between the keys of a table.
fn rules(place: &Place) -> Vec<Value> {
    let needed: Vec<&str> = place.keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    let mut rules: Vec<Value> = Vec::new();
    if !needed.is_empty() {
        rules.push(json!({ "required": needed }));
    }
    rules.extend(place.rules.iter().map(|rule| match rule {
        Rule::One(keys) => {
            json!({ "oneOf": keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<Value>>() })
        }
        Rule::Some(sets) => {
            json!({ "anyOf": sets.iter().map(|keys| json!({ "required": keys })).collect::<Vec<Value>>() })
        }
        Rule::With(key, other) => json!({ "if": { "required": [key] }, "then": { "required": [other] } }),
        Rule::When { key, is, needs, never } => {
            let mut then = json!({ "required": needs });
            if !never.is_empty() {
                let one: Vec<Value> = never.iter().map(|key| json!({ "required": [key] })).collect();
                then["not"] = json!({ "anyOf": one });
            }
            json!({ "if": { "properties": { *key: { "const": is } }, "required": [key] }, "then": then })
        }
    }));
    rules
}
