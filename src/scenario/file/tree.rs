//! The tree of a file: values, each with its place in the text.
//!
//! It is a copy of what the `toml` crate hands out, for two reasons. A value that was drawn has to be made, and that
//! crate lets nobody make an integer other than by parsing one. And a file with choices keeps its tree and lends the
//! strings in it to the scenario of each seed, so that a seed costs no parsing and next to no copying.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::print::string;

/// A value and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Node<'a> {
    /// Its place.
    pub span: Range<usize>,
    /// What it is.
    pub value: Tree<'a>,
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Tree<'a> {
    String(Cow<'a, str>),
    Integer(Integer<'a>),
    /// A number with a point, as it is written.
    Float(Cow<'a, str>),
    Boolean(bool),
    /// No scenario contains a date, so it is enough to know that one is there.
    Date,
    Array(Vec<Node<'a>>),
    Table(Entries<'a>),
}

/// The entries of a table, in the order of their keys rather than that of the text.
pub(super) type Entries<'a> = BTreeMap<Cow<'a, str>, Entry<'a>>;

/// What stands behind a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    /// The place of the key.
    pub key: Range<usize>,
    /// The value.
    pub node: Node<'a>,
}

/// A whole number, as it is written, without the sign of its base.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Integer<'a> {
    digits: Cow<'a, str>,
    radix: u32,
}

impl Integer<'_> {
    /// A number that was drawn.
    pub fn of(number: u64) -> Integer<'static> {
        Integer { digits: Cow::Owned(number.to_string()), radix: 10 }
    }

    /// Its value, unless it is negative or too large.
    pub fn whole(&self) -> Option<u64> {
        u64::from_str_radix(&self.digits, self.radix).ok()
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.digits
    }
}

impl fmt::Display for Integer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = match self.radix {
            2 => "0b",
            8 => "0o",
            16 => "0x",
            _ => "",
        };
        write!(f, "{base}{}", self.digits)
    }
}

/// The tree of a table that was parsed.
pub(super) fn entries<'a>(table: DeTable<'a>) -> Entries<'a> {
    let entry = |(key, value): (Spanned<Cow<'a, str>>, _)| {
        let span = key.span();
        (key.into_inner(), Entry { key: span, node: node(value) })
    };
    table.into_iter().map(entry).collect()
}

fn node(parsed: Spanned<DeValue<'_>>) -> Node<'_> {
    let span = parsed.span();
    let value = match parsed.into_inner() {
        DeValue::String(text) => Tree::String(text),
        DeValue::Integer(integer) => {
            Tree::Integer(Integer { digits: Cow::Owned(integer.as_str().to_string()), radix: integer.radix() })
        }
        DeValue::Float(float) => Tree::Float(Cow::Owned(float.as_str().to_string())),
        DeValue::Boolean(value) => Tree::Boolean(value),
        DeValue::Datetime(_) => Tree::Date,
        DeValue::Array(array) => Tree::Array(array.into_iter().map(node).collect()),
        DeValue::Table(table) => Tree::Table(entries(table)),
    };
    Node { span, value }
}

impl Node<'_> {
    /// The same, with strings of its own.
    pub fn into_owned(self) -> Node<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let value = match self.value {
            Tree::String(text) => Tree::String(own(text)),
            Tree::Integer(Integer { digits, radix }) => Tree::Integer(Integer { digits: own(digits), radix }),
            Tree::Float(text) => Tree::Float(own(text)),
            Tree::Boolean(value) => Tree::Boolean(value),
            Tree::Date => Tree::Date,
            Tree::Array(array) => Tree::Array(array.into_iter().map(Node::into_owned).collect()),
            Tree::Table(table) => Tree::Table(owned(table)),
        };
        Node { span: self.span, value }
    }

    /// The same, with the strings of this one.
    pub fn lent<'a>(&'a self) -> Node<'a> {
        let value = match &self.value {
            Tree::String(text) => Tree::String(Cow::Borrowed(text)),
            Tree::Integer(Integer { digits, radix }) => {
                Tree::Integer(Integer { digits: Cow::Borrowed(digits), radix: *radix })
            }
            Tree::Float(text) => Tree::Float(Cow::Borrowed(text)),
            Tree::Boolean(value) => Tree::Boolean(*value),
            Tree::Date => Tree::Date,
            Tree::Array(array) => Tree::Array(array.iter().map(Node::lent).collect()),
            Tree::Table(table) => {
                let lent = |entry: &'a Entry| Entry { key: entry.key.clone(), node: entry.node.lent() };
                Tree::Table(table.iter().map(|(key, entry)| (Cow::Borrowed(&**key), lent(entry))).collect())
            }
        };
        Node { span: self.span.clone(), value }
    }

    /// How many values there are in it, itself included.
    pub fn size(&self) -> usize {
        match &self.value {
            Tree::Array(array) => 1 + array.iter().map(Node::size).sum::<usize>(),
            Tree::Table(table) => 1 + table.values().map(|entry| entry.node.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// The same, with strings of their own.
pub(super) fn owned(table: Entries) -> Entries<'static> {
    let own = |(key, entry): (Cow<str>, Entry)| {
        (Cow::Owned(key.into_owned()), Entry { key: entry.key, node: entry.node.into_owned() })
    };
    table.into_iter().map(own).collect()
}

/// The value in one line, as a file would say it, without regard to places and to the order of keys: two values are
/// the same if and only if their texts are.
impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::String(text) => f.write_str(&string(text)),
            Tree::Integer(integer) => integer.fmt(f),
            Tree::Float(text) => f.write_str(text),
            Tree::Boolean(value) => value.fmt(f),
            Tree::Date => f.write_str("(a date)"),
            Tree::Array(array) => {
                f.write_char('[')?;
                for (index, node) in array.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, node.value)?;
                }
                f.write_char(']')
            }
            Tree::Table(table) => {
                f.write_char('{')?;
                for (index, (key, entry)) in table.iter().enumerate() {
                    write!(f, "{}{} = {}", if index == 0 { " " } else { ", " }, word(key), entry.node.value)?;
                }
                f.write_str(if table.is_empty() { "}" } else { " }" })
            }
        }
    }
}

/// A key, in quotes where it needs them.
fn word(key: &str) -> Cow<'_, str> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.bytes().all(bare) { Cow::Borrowed(key) } else { Cow::Owned(string(key)) }
}
