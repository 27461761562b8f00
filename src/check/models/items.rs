//! Lists of byte strings as states.

use crate::check::models::State;

/// The items of a list, each kept with its length before it.
pub(super) fn items(state: &State) -> impl Iterator<Item = &[u8]> {
    let mut rest = state.as_deref().unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (item, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        Some(item)
    })
}

/// Adds an item at the end.
pub(super) fn push(state: &State, item: &[u8]) -> State {
    let length = u32::try_from(item.len()).expect("an item is shorter than 4 GB");
    let mut bytes = state.clone().unwrap_or_default();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(item);
    Some(bytes)
}

/// A list with these items; `None` if there are none.
pub(super) fn list<'i>(items: impl Iterator<Item = &'i [u8]>) -> State {
    items.fold(None, |state, item| push(&state, item))
}
