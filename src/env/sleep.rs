//! Waiting for time to pass.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Env, TimerId};
use crate::base::Instant;

/// A wait for a moment of the node's clock. Dropping it forgets its timer.
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    env: Env,
    at: Instant,
    timer: Option<TimerId>,
}

impl Sleep {
    pub(super) fn new(env: Env, at: Instant) -> Sleep {
        Sleep { env, at, timer: None }
    }

    /// The moment waited for.
    pub fn deadline(&self) -> Instant {
        self.at
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.timer {
            None => {
                self.timer = self.env.host().timer_start(self.at, context);
                if self.timer.is_some() { Poll::Pending } else { Poll::Ready(()) }
            }
            Some(timer) => {
                let due = self.env.host().timer_poll(timer, context);
                if due.is_ready() {
                    self.timer = None;
                }
                due
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.env.host().timer_cancel(timer);
        }
    }
}

/// The time given to a future ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the time ran out")]
pub struct Elapsed;

pin_project! {
    /// A future that is given only so much time. If both end at the same moment, the future wins.
    #[must_use = "a timeout does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    pub(super) fn new(sleep: Sleep, future: F) -> Timeout<F> {
        Timeout { future, sleep }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(this.sleep).poll(context).map(|()| Err(Elapsed))
    }
}
