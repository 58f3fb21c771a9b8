//! `fold`: folds usage logs, so that reading them costs by their hours and not by their events.

use app::App;
use app::jobs::{self, FoldJob};
use app::ports::Incoming;

/// Folds one log per message. Returns the ids of messages to deliver again.
pub async fn handle(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    jobs::each(messages, |job: FoldJob| async move { app::fold::run(app, &job).await }).await
}
