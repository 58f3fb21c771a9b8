//! `billing`: closes customers' due periods, finalizes drafts, advances test clocks, ends what is deleted.

use app::App;
use app::jobs::{self, BillingJob};
use app::ports::Incoming;

/// Does the jobs one after the other. Returns the ids of those to deliver again.
pub async fn handle(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    jobs::each(messages, |job: BillingJob| async move { app::billing::run(app, &job).await }).await
}
