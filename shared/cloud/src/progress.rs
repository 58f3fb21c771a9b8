//! Waiting for other functions' work: nothing tells, so it is a short pause.

use std::time::Duration;

use app::ports::Progress;
use async_trait::async_trait;
use domain::id::OrganizationId;

/// Long enough not to be busy, short enough that an advancing test clock does not drag.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits a moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pause;

#[async_trait]
impl Progress for Pause {
    async fn wait(&self, _organization: OrganizationId) {
        tokio::time::sleep(PAUSE).await;
    }
}
