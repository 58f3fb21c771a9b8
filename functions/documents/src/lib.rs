//! `documents`: renders PDFs into the blob store.

use app::App;
use app::jobs::{self, DocumentJob};
use app::ports::{Incoming, Renderer};

/// Renders one document per message. Returns the ids of messages to deliver again.
pub async fn handle(app: &App, renderer: &dyn Renderer, messages: Vec<Incoming>) -> Vec<String> {
    jobs::each(messages, |job: DocumentJob| async move { app::document::render(app, renderer, &job).await }).await
}
