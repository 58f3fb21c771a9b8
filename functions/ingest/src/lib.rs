//! `ingest`: appends usage from the events queue to the logs; hands pay-in-advance events on.

use app::App;
use app::ports::Incoming;

/// Appends a batch of messages. Returns the ids of those to deliver again.
pub async fn handle(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    app::event::ingest(app, messages).await
}
