//! Panics of the system under test are findings: caught, worded, and kept off the terminal.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Something has panicked and was caught.
#[derive(Debug)]
pub struct Caught(());

impl Caught {
    /// How it did: `message, at file:line`.
    pub fn words(self) -> String {
        CAUGHT.take().unwrap_or_default()
    }
}

/// Runs something, and catches it if it panics.
///
/// While it runs, the panic hook of the process is silent on this thread. All other panics go to the hook that was
/// installed before.
#[inline]
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Caught> {
    if !HOOK.is_completed() {
        install();
    }
    let outer = CATCHING.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    CATCHING.set(outer);
    result.map_err(|payload| take_down(&*payload))
}

/// What a panic said is kept aside, so that where none happens nothing is carried about.
#[cold]
#[inline(never)]
fn take_down(payload: &(dyn Any + Send)) -> Caught {
    // What the hook heard last may be an older panic that somebody else caught, if this one has passed by it.
    let said = words(payload);
    let heard = CAUGHT.take().filter(|heard| heard.starts_with(&said));
    CAUGHT.set(Some(heard.unwrap_or(said)));
    Caught(())
}

#[cold]
fn install() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            if !CATCHING.get() {
                return before(panicked);
            }
            let place =
                panicked.location().map_or(String::new(), |place| format!(", at {}:{}", place.file(), place.line()));
            CAUGHT.set(Some(format!("{}{place}", words(panicked.payload()))));
        }));
    });
}

/// What was said, in one line: traces, signatures and titles have one for it.
fn words(payload: &(dyn Any + Send)) -> String {
    let said = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "a panic without a message",
    };
    said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_panic_that_others_caught_are_nobodys() {
        let caught = || panic::catch_unwind(|| panic!("an old one")).map(|(): ()| ());
        assert!(catch(|| caught().is_err()).unwrap());
        let said = catch(|| panic::resume_unwind(Box::new("a new one"))).map(|(): ()| ()).unwrap_err().words();
        assert_eq!(said, "a new one");
    }

    #[test]
    fn a_panic_is_worded() {
        assert_eq!(catch(|| 7).unwrap(), 7);
        let said = catch(|| panic!("ballot {} is lost", 3)).map(|(): ()| ()).unwrap_err().words();
        assert!(said.starts_with("ballot 3 is lost, at "), "{said}");
        assert!(said.contains("panics.rs:"), "{said}");
        let said = catch(|| assert_eq!(1 + 1, 3, "sums")).map(|(): ()| ()).unwrap_err().words();
        assert!(said.starts_with("assertion `left == right` failed: sums; left: 2; right: 3, at "), "{said}");
    }
}
