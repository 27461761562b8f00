//! A key-value store as a [`Service`], and the bytes its operations and replies travel as.
//!
//! Operations: one byte for the kind, four for the key, then texts, each with its length in front (two bytes; `ffff`
//! for an absent one). Replies: one byte for the kind, then the text, with four bytes of length, because appending may
//! make a value longer than any request.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes};

use crate::base::{Checksum, Key, Operation, Reply};
use crate::env::HashState;

use super::entry::BODY_SIZE_MAX;
use super::service::Service;

/// A key-value store.
#[derive(Clone, Debug, Default)]
pub struct KeyValueStore {
    values: BTreeMap<Key, Held>,
    digest: Checksum,
    /// Where a pair is put together to be hashed; kept, so that it is not made for every change.
    scratch: Vec<u8>,
    /// With the planted bug `hashmap-order-in-apply`, the hasher of a map; otherwise nothing.
    map: Option<HashState>,
}

/// A value, and the hash of its key and itself.
#[derive(Clone, Debug, Default)]
struct Held {
    value: String,
    hash: u128,
}

/// What is to be done with a key. Texts lie where they came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command<'a> {
    Get,
    Put(&'a str),
    Append(&'a str),
    Cas(Option<&'a str>, &'a str),
    Delete,
}

impl Command<'_> {
    /// Bytes of its texts, with their lengths.
    fn size(&self) -> usize {
        match self {
            Command::Get | Command::Delete => 0,
            Command::Put(text) | Command::Append(text) => LENGTH_SIZE + text.len(),
            Command::Cas(from, to) => LENGTH_SIZE + from.map_or(0, str::len) + LENGTH_SIZE + to.len(),
        }
    }
}

impl Service for KeyValueStore {
    fn apply(&mut self, body: &[u8]) -> Bytes {
        // Nobody sent anything else who meant a store; it changes nothing, and no reply has no bytes.
        let Some((key, command)) = decode_operation(body) else { return Bytes::new() };
        let reply = match command {
            Command::Get => self.read(key),
            Command::Put(text) => {
                self.change(key, |value| {
                    value.clear();
                    value.push_str(text);
                });
                DONE
            }
            Command::Append(text) => {
                self.change(key, |value| value.push_str(text));
                DONE
            }
            Command::Cas(from, to) if self.value(key) == from => {
                self.change(key, |value| {
                    value.clear();
                    value.push_str(to);
                });
                SWAPPED
            }
            Command::Cas(..) => NOT_SWAPPED,
            Command::Delete => {
                self.delete(key);
                DONE
            }
        };
        assert!(!reply.is_empty(), "whatever a store understands it answers");
        self.check();
        reply
    }

    fn query(&self, body: &[u8]) -> Option<Bytes> {
        let (key, Command::Get) = decode_operation(body)? else { return None };
        let reply = self.read(key);
        assert!(!reply.is_empty(), "whatever a store understands it answers");
        Some(reply)
    }

    /// In the order of keys: the key, the length of the value, and the value.
    fn snapshot(&self) -> Bytes {
        let size = self.values.values().map(|held| PAIR_SIZE + held.value.len()).sum();
        let mut bytes = Vec::with_capacity(size);
        for (key, held) in &self.values {
            bytes.put_u32_le(key.0);
            bytes.put_u32_le(u32::try_from(held.value.len()).expect("a value is far below four gigabytes"));
            bytes.put_slice(held.value.as_bytes());
        }
        assert_eq!(bytes.len(), size, "a snapshot is as long as its pairs");
        assert_eq!(bytes.is_empty(), self.values.is_empty(), "only nothing is told in no bytes");
        Bytes::from(bytes)
    }

    fn restore(&mut self, snapshot: &[u8]) -> bool {
        let Some(pairs) = decode_snapshot(snapshot) else { return false };
        let mut restored = KeyValueStore { map: self.map, ..KeyValueStore::default() };
        let count = pairs.len();
        pairs.into_iter().for_each(|(key, value)| restored.change(key, |held| held.push_str(value)));
        assert_eq!(restored.values.len(), count, "no key is in a snapshot twice");
        restored.check();
        assert!(restored.map.is_some() || restored.snapshot() == snapshot, "a state has one snapshot");
        *self = restored;
        true
    }

    fn digest(&self) -> Checksum {
        self.digest
    }
}

/// Bytes of a pair in a snapshot, but for the value.
const PAIR_SIZE: usize = 8;
/// Bytes of an operation's kind and key.
const HEAD_SIZE: usize = 5;
/// Bytes of a text's length.
const LENGTH_SIZE: usize = 2;
/// Bytes of the kind of a reply and of its text's length.
const REPLY_HEAD_SIZE: usize = 5;

const _: () = assert!(PAIR_SIZE == size_of::<Key>() + size_of::<u32>(), "the key, and how long its value is");
const _: () = assert!(HEAD_SIZE == 1 + size_of::<Key>());
const _: () = assert!(REPLY_HEAD_SIZE == 1 + size_of::<u32>(), "a value may be longer than any request");
const _: () = assert!(BODY_SIZE_MAX < ABSENT as usize, "no text of a request is so long that it looks absent");
const _: () = assert!(LENGTH_SIZE == size_of::<u16>(), "that a text is absent is said in place of its length");

/// The pairs of a snapshot; `None` if it is none.
fn decode_snapshot(mut bytes: &[u8]) -> Option<Vec<(Key, &str)>> {
    let mut pairs: Vec<(Key, &str)> = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at_checked(PAIR_SIZE)?;
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let (value, rest) = rest.split_at_checked(word(4) as usize)?;
        assert_eq!(PAIR_SIZE + value.len() + rest.len(), bytes.len(), "nothing lies between the pairs");
        let key = Key(word(0));
        // In order, so that no state has two snapshots.
        if pairs.last().is_some_and(|(last, _)| *last >= key) {
            return None;
        }
        pairs.push((key, std::str::from_utf8(value).ok()?));
        bytes = rest;
    }
    assert!(pairs.is_sorted_by(|(one, _), (next, _)| one < next), "no state has two snapshots");
    Some(pairs)
}

impl KeyValueStore {
    /// An empty store with the planted bug `hashmap-order-in-apply`: its digest depends on the order in which a map
    /// with this hasher lists the keys.
    pub fn in_order_of(map: HashState) -> KeyValueStore {
        KeyValueStore { map: Some(map), ..KeyValueStore::default() }
    }

    /// Asserts what holds at all times.
    fn check(&self) {
        assert!(!self.values.is_empty() || self.digest == Checksum::default(), "nothing adds up to nothing");
        let is_sum = || self.values.values().all(|only| only.hash == self.digest.0);
        assert!(self.map.is_some() || self.values.len() != 1 || is_sum(), "one pair adds up to its own hash");
    }

    fn value(&self, key: Key) -> Option<&str> {
        self.values.get(&key).map(|held| held.value.as_str())
    }

    fn read(&self, key: Key) -> Bytes {
        let Some(value) = self.value(key) else { return ABSENT_VALUE };
        let size = REPLY_HEAD_SIZE + value.len();
        let mut bytes = Vec::with_capacity(size);
        bytes.put_u8(3);
        bytes.put_u32_le(u32::try_from(value.len()).expect("a value is far below four gigabytes"));
        assert_eq!(bytes.len(), REPLY_HEAD_SIZE, "the text follows its length");
        bytes.put_slice(value.as_bytes());
        assert_eq!(bytes.len(), size, "a reply is as long as its text");
        Bytes::from(bytes)
    }

    /// Changes a value, which is empty if it was absent.
    ///
    /// The digest is the sum of the hashes of all pairs, so that a change costs the pair it touches and no more.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut String)) {
        let held = self.values.entry(key).or_default();
        change(&mut held.value);
        self.scratch.clear();
        self.scratch.put_u32_le(key.0);
        self.scratch.put_slice(held.value.as_bytes());
        assert_eq!(self.scratch.len(), size_of::<Key>() + held.value.len(), "a pair is its key and its value");
        let hash = Checksum::of(&self.scratch).0;
        let before = std::mem::replace(&mut held.hash, hash);
        self.digest = Checksum(self.digest.0.wrapping_sub(before).wrapping_add(hash));
        assert!(!self.values.is_empty(), "what was changed is there");
        self.digest_in_order();
    }

    fn delete(&mut self, key: Key) {
        if let Some(before) = self.values.remove(&key) {
            self.digest = Checksum(self.digest.0.wrapping_sub(before.hash));
        }
        assert!(!self.values.contains_key(&key), "what was deleted is absent");
        self.digest_in_order();
    }

    /// With the planted bug, replaces the digest by one that depends on a map's order.
    fn digest_in_order(&mut self) {
        if let Some(map) = self.map {
            #[expect(clippy::disallowed_types, reason = "hashed by the environment; that its order matters is the bug")]
            let mut pairs = std::collections::HashMap::with_hasher(map);
            pairs.extend(&self.values);
            assert_eq!(pairs.len(), self.values.len(), "a map has the same pairs, in whatever order");
            self.digest = Checksum(pairs.into_values().fold(0, |sum, held| sum.rotate_left(1) ^ held.hash));
        }
    }
}

const DONE: Bytes = Bytes::from_static(&[1]);
const ABSENT_VALUE: Bytes = Bytes::from_static(&[2]);
const NOT_SWAPPED: Bytes = Bytes::from_static(&[4]);
const SWAPPED: Bytes = Bytes::from_static(&[5]);

const ABSENT: u16 = u16::MAX;

/// The bytes of an operation; `None` if the store does not know it or a text is too long for any entry.
pub fn encode_operation(operation: &Operation) -> Option<Bytes> {
    let (tag, texts): (u8, [Option<Option<&str>>; 2]) = match operation {
        Operation::Get { .. } => (1, [None, None]),
        Operation::Put { value, .. } => (2, [Some(Some(value)), None]),
        Operation::Append { value, .. } => (3, [Some(Some(value)), None]),
        Operation::Cas { from, to, .. } => (4, [Some(from.as_deref()), Some(Some(to))]),
        Operation::Delete { .. } => (5, [None, None]),
        Operation::Custom { .. } => return None,
    };
    let size = texts.iter().flatten().map(|text| LENGTH_SIZE + text.map_or(0, str::len)).sum::<usize>();
    let mut bytes = Vec::with_capacity(HEAD_SIZE + size);
    bytes.put_u8(tag);
    bytes.put_u32_le(operation.key().0);
    assert_eq!(bytes.len(), HEAD_SIZE, "the texts follow the key");
    for text in texts.into_iter().flatten() {
        let length = text.map_or(Some(ABSENT), |text| u16::try_from(text.len()).ok().filter(|length| *length < ABSENT));
        bytes.put_u16_le(length?);
        bytes.put_slice(text.unwrap_or("").as_bytes());
    }
    assert_eq!(bytes.len(), HEAD_SIZE + size, "an operation is as long as its texts");
    assert!(decode_operation(&bytes).is_some(), "what is written can be read");
    Some(Bytes::from(bytes))
}

fn decode_operation(bytes: &[u8]) -> Option<(Key, Command<'_>)> {
    let (head, mut rest) = bytes.split_at_checked(HEAD_SIZE)?;
    let key = Key(u32::from_le_bytes(head[1..].try_into().expect("four bytes")));
    let command = match head[0] {
        1 => Command::Get,
        2 => Command::Put(take_text(&mut rest)??),
        3 => Command::Append(take_text(&mut rest)??),
        4 => Command::Cas(take_text(&mut rest)?, take_text(&mut rest)??),
        5 => Command::Delete,
        _ => return None,
    };
    let texts = bytes.len() - HEAD_SIZE - rest.len();
    assert_eq!(texts, command.size(), "as much was read as there is of its texts");
    rest.is_empty().then_some((key, command))
}

/// The outer `None` is damage, the inner one an absent text.
fn take_text<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a str>> {
    let (length, after) = rest.split_at_checked(LENGTH_SIZE)?;
    let length = u16::from_le_bytes(length.try_into().expect("two bytes"));
    let (text, after) = after.split_at_checked(if length == ABSENT { 0 } else { usize::from(length) })?;
    assert_eq!(LENGTH_SIZE + text.len() + after.len(), rest.len(), "nothing lies between a text and what follows");
    *rest = after;
    let text = std::str::from_utf8(text).ok()?;
    assert!(length != ABSENT || text.is_empty(), "what is absent has no text");
    Some((length != ABSENT).then_some(text))
}

/// The reply in these bytes; `None` if they are none of this store's.
pub fn decode_reply(bytes: &[u8]) -> Option<Reply> {
    match bytes {
        [1] => Some(Reply::Done),
        [2] => Some(Reply::Value(None)),
        [3, rest @ ..] => {
            let (length, text) = rest.split_at_checked(4)?;
            let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
            let text = std::str::from_utf8(text).ok().filter(|text| text.len() == length as usize)?;
            assert_eq!(REPLY_HEAD_SIZE + text.len(), bytes.len(), "nothing follows the text");
            Some(Reply::Value(Some(text.to_string())))
        }
        [4] => Some(Reply::Swapped(false)),
        [5] => Some(Reply::Swapped(true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key(3);

    fn operations() -> Vec<Operation> {
        let text = |text: &str| text.to_string();
        vec![
            Operation::Get { key: KEY },
            Operation::Append { key: KEY, value: text("a") },
            Operation::Append { key: KEY, value: text("b") },
            Operation::Cas { key: KEY, from: Some(text("ab")), to: text("c") },
            Operation::Cas { key: KEY, from: None, to: text("d") },
            Operation::Get { key: KEY },
            Operation::Put { key: KEY, value: text("") },
            Operation::Get { key: KEY },
            Operation::Delete { key: KEY },
            Operation::Cas { key: KEY, from: None, to: text("e") },
            Operation::Get { key: KEY },
        ]
    }

    fn command(operation: &Operation) -> (Key, Command<'_>) {
        let command = match operation {
            Operation::Get { .. } => Command::Get,
            Operation::Put { value, .. } => Command::Put(value),
            Operation::Append { value, .. } => Command::Append(value),
            Operation::Cas { from, to, .. } => Command::Cas(from.as_deref(), to),
            Operation::Delete { .. } => Command::Delete,
            Operation::Custom { .. } => panic!("a store has no custom operations"),
        };
        (operation.key(), command)
    }

    #[test]
    fn operations_read_back_and_damage_is_noticed() {
        for operation in operations() {
            let bytes = encode_operation(&operation).unwrap();
            assert_eq!(decode_operation(&bytes), Some(command(&operation)));
            for length in 0..bytes.len() {
                assert_eq!(decode_operation(&bytes[..length]), None, "{operation} cut to {length}");
            }
        }
        let custom = Operation::Custom { name: "x", key: KEY, input: Bytes::new() };
        assert_eq!(encode_operation(&custom), None);
        assert_eq!(encode_operation(&Operation::Put { key: KEY, value: "x".repeat(65_535) }), None);
    }

    #[test]
    fn the_store_answers() {
        let mut store = KeyValueStore::default();
        let mut answer = |operation: &Operation| decode_reply(&store.apply(&encode_operation(operation).unwrap()));
        let lines: Vec<String> =
            operations().iter().map(|operation| format!("{operation}: {}", answer(operation).unwrap())).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        get k3: (absent)
        append k3 a: done
        append k3 b: done
        cas k3 ab c: swapped
        cas k3 (absent) d: not swapped
        get k3: c
        put k3 : done
        get k3: 
        delete k3: done
        cas k3 (absent) e: swapped
        get k3: e
        ");
        assert_eq!(store.apply(b"nonsense"), Bytes::new());
    }

    #[test]
    fn reads_and_nothing_else_are_answered_without_being_applied() {
        let mut store = KeyValueStore::default();
        for operation in operations() {
            let body = encode_operation(&operation).unwrap();
            let read = store.query(&body);
            assert_eq!(read.is_some(), matches!(operation, Operation::Get { .. }), "{operation}");
            let digest = store.digest();
            let reply = store.apply(&body);
            assert!(read.is_none_or(|read| read == reply && digest == store.digest()), "{operation}");
        }
        assert_eq!(store.query(b"nonsense"), None);
    }

    #[test]
    fn a_store_goes_on_from_its_snapshot() {
        let mut store = KeyValueStore::default();
        let put = |key, value: &str| Operation::Put { key: Key(key), value: value.to_string() };
        for operation in [put(7, "seven"), put(1, ""), put(3, "three"), Operation::Delete { key: Key(7) }] {
            store.apply(&encode_operation(&operation).unwrap());
        }
        let snapshot = store.snapshot();
        let mut other = KeyValueStore::default();
        other.apply(&encode_operation(&put(9, "gone")).unwrap());
        assert!(other.restore(&snapshot));
        assert_eq!((other.digest(), other.snapshot()), (store.digest(), snapshot.clone()));
        let empty = KeyValueStore::default();
        assert!(other.restore(&empty.snapshot()) && other.digest() == empty.digest());
        for length in 1..snapshot.len() {
            let cut = other.restore(&snapshot[..length]);
            assert!(!cut || snapshot[..length] == other.snapshot(), "{length} bytes");
        }
        let disordered = [&snapshot[8..], &snapshot[..8]].concat();
        assert!(!other.restore(&disordered));
    }

    #[test]
    fn the_digest_tells_states_apart_and_forgets_the_way() {
        let put = |key, value: &str| Operation::Put { key: Key(key), value: value.to_string() };
        let digest = |operations: &[Operation]| {
            let mut store = KeyValueStore::default();
            operations.iter().for_each(|operation| drop(store.apply(&encode_operation(operation).unwrap())));
            store.digest()
        };
        assert_eq!(digest(&[put(1, "a"), put(2, "b")]), digest(&[put(2, "b"), put(1, "x"), put(1, "a")]));
        assert_ne!(digest(&[put(1, "a"), put(2, "b")]), digest(&[put(1, "b"), put(2, "a")]));
        assert_eq!(digest(&[put(1, "a"), Operation::Delete { key: Key(1) }]), digest(&[]));
        assert_ne!(digest(&[put(1, "")]), digest(&[]));
    }
}
