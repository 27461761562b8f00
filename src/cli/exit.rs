//! How a command can end.

use std::process::ExitCode;

use crate::explore::{Judgement, Mishap};
use crate::report::Sweep;

/// How a command ended: its answer, for scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Exit {
    /// What was expected has come out.
    Met = 0,
    /// A promise was broken that should not, or one was kept that should break, or a wanted mark was never reached.
    Finding = 1,
    /// The command line, a file or a name is wrong. Also what clap ends with.
    BadInput = 2,
    /// The same run came out in two ways, or this program has a bug.
    Broken = 3,
    /// Nobody can say: an oracle gave up, or somebody stopped it.
    Incomplete = 4,
}

/// The same as above, for `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0  What the scenario expects has come out; an expected violation is one of these.
  1  A finding: a promise was broken, or an expected violation did not show, or no seed reached a wanted
     mark, or a fault struck in no seed.
  2  Bad input: the command line, a scenario file or a name is wrong; or what came out cannot be written.
  3  The same seed came out in two ways, or this program has a bug.
  4  Incomplete: an oracle gave up, or the command was interrupted.
Where several hold, 3 and 2 come first, then 1, then 4.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<Judgement> for Exit {
    fn from(judgement: Judgement) -> Exit {
        match judgement {
            Judgement::Kept | Judgement::Shown => Exit::Met,
            Judgement::Found | Judgement::NotShown => Exit::Finding,
            Judgement::Undecided => Exit::Incomplete,
        }
    }
}

/// Why a command ended early.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// How it ended.
    pub(super) exit: Exit,
    /// What to tell the user.
    pub(super) message: String,
    /// A run came out in two ways, which one run alone does not show.
    pub(super) differs: bool,
}

/// A finding counts however much is missing; that something did not show counts only when nothing is missing.
pub(super) fn of_sweeps(sweeps: &[Sweep<'_>]) -> Exit {
    let of = |sweep: &Sweep<'_>| match sweep.judgement {
        Judgement::Found => Exit::Finding,
        _ if sweep.interrupted => Exit::Incomplete,
        _ if sweep.is_blind() => Exit::Finding,
        judgement => judgement.into(),
    };
    let exits: Vec<Exit> = sweeps.iter().map(of).collect();
    let worst = [Exit::Finding, Exit::Incomplete].into_iter().find(|exit| exits.contains(exit));
    worst.unwrap_or(Exit::Met)
}

impl From<Mishap> for Failure {
    fn from(mishap: Mishap) -> Failure {
        match mishap {
            Mishap::Input(message) => Failure::bad_input(message),
            Mishap::Broken(message) => Failure::broken(message),
        }
    }
}

impl Failure {
    /// The user's input is wrong.
    pub(super) fn bad_input(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::BadInput, message: message.into(), differs: false }
    }

    /// One that is not the user's ends with the line that repeats it.
    #[must_use]
    pub(super) fn repeatable(self, repeat: &str) -> Failure {
        match self.exit {
            Exit::Broken => Failure { message: format!("{}\n\nrepeat: {repeat}", self.message.trim_end()), ..self },
            _ => self,
        }
    }

    /// The same where that line is one of `run`.
    #[must_use]
    pub(super) fn repeatable_by_run(self, repeat: &str) -> Failure {
        let twice = if self.differs { " --check-determinism" } else { "" };
        self.repeatable(&format!("{repeat}{twice}"))
    }

    /// A run cannot be trusted, or this program cannot.
    pub(super) fn broken(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Broken, message: message.into(), differs: false }
    }
}
