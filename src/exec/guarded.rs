//! Futures whose destructors may panic.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::panics::catch;

/// A future whose destructor may panic. Where it is dropped its life is over and nobody listens any more; unguarded, the
/// panic would end the whole process, because async-task aborts on one.
pub(super) struct Guarded(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Guarded {
    /// Guards a future.
    pub fn new(future: Pin<Box<dyn Future<Output = ()>>>) -> Guarded {
        Guarded(Some(future))
    }
}

impl Future for Guarded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let future = self.0.as_mut().expect("a future is polled before it is dropped");
        future.as_mut().poll(context)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let future = self.0.take();
        let _ = catch(|| drop(future));
    }
}
