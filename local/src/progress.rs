//! Hints that work was done: all functions live in this process.

use std::time::Duration;

use app::ports::Progress;
use async_trait::async_trait;
use domain::id::OrganizationId;
use tokio::sync::Notify;

/// A waiter looks again after this long even if nobody said anything.
const PATIENCE: Duration = Duration::from_millis(50);

/// Wakes everybody whenever any work was done: looking again is cheap here.
#[derive(Default)]
pub(crate) struct LocalProgress {
    done: Notify,
}

impl LocalProgress {
    pub(crate) fn announce(&self) {
        self.done.notify_waiters();
    }
}

#[async_trait]
impl Progress for LocalProgress {
    async fn wait(&self, _organization: OrganizationId) {
        // Running out of patience is as good as a hint.
        let _ = tokio::time::timeout(PATIENCE, self.done.notified()).await;
    }
}
