//! Running a scenario so that nothing panics at a user.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::Once;

use crate::scenario::run::Settings;
use crate::scenario::{Registry, Run, Scenario, System};

/// One run: `scenario::run::run`, or what a test puts in its place.
pub type Simulator<'a> = dyn Fn(&Scenario, Rc<dyn System>, &Settings) -> Run + Sync + 'a;

/// Runs scenarios. Threads share one.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// The systems there are.
    pub registry: &'a Registry,
    /// What makes a run.
    pub simulator: &'a Simulator<'a>,
}

/// Why there was no run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mishap {
    /// What was asked for cannot be run: there is no such system, or no such planted bug.
    Input(String),
    /// The run itself panicked: a bug of the simulator, or of a system outside its nodes.
    Broken(String),
}

impl Mishap {
    /// What to tell whoever asked.
    pub fn message(&self) -> &str {
        match self {
            Mishap::Input(message) | Mishap::Broken(message) => message,
        }
    }
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runner({:?})", self.registry)
    }
}

impl Runner<'_> {
    /// Runs a scenario once.
    ///
    /// A panic of the system under test is a finding and has been caught below. A panic that arrives here is a bug of
    /// the simulator, or of a system outside its nodes (in `model`, say), and ends in a message.
    ///
    /// # Errors
    /// If there was no run.
    pub fn run(&self, scenario: &Scenario, settings: &Settings) -> Result<Run, Mishap> {
        let ended = quietly(|| {
            let system = self.registry.make(scenario)?;
            Ok::<Run, String>((self.simulator)(scenario, system, settings))
        });
        match ended {
            Ok(Ok(run)) => Ok(run),
            Ok(Err(message)) => Err(Mishap::Input(message)),
            Err(message) => Err(Mishap::Broken(format!("the run itself panicked: {message}"))),
        }
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Catches a panic, and keeps those that are caught further below from being printed.
///
/// # Errors
/// What the panic said, and where.
pub fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let standard = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if QUIET.get() {
                // The place is known only here.
                let payload = panic.payload();
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
                let message = text.unwrap_or("a panic without a message");
                let place = panic.location().map_or(String::new(), |place| format!(" ({place})"));
                LAST.set(Some(format!("{message}{place}")));
            } else {
                standard(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    ended.map_err(|_| LAST.take().unwrap_or_else(|| "nobody knows where".to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_message_with_its_place() {
        let message = quietly(|| -> () { panic!("slot {} is taken", 5) }).expect_err("it panics");
        assert!(message.starts_with("slot 5 is taken (") && message.contains("runner.rs"), "{message}");
        // A panic that was caught below is not mistaken for a later one.
        let below = || panic::catch_unwind(|| panic!("caught")).is_err();
        assert_eq!(quietly(below), Ok(true));
    }
}
