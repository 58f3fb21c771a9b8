//! `clock`: finds what is due and enqueues it.

use app::{App, Outcome};

/// One tick of the real clock.
///
/// # Errors
/// The table or the queue did not answer: the next tick finds the same again.
pub async fn handle(app: &App) -> Outcome<()> {
    app::clock::enqueue_due(app).await
}
