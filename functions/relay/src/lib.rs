//! `relay`: forwards outbox items of the table's change feed to queues, webhook logs and the bus.

use app::ports::Bus;
use app::{App, Failure};
use store::outbox::Posted;

/// Forwards messages in their order.
///
/// # Errors
/// The position of the first one that could not be forwarded: it and what follows must come again.
pub async fn handle(app: &App, bus: &dyn Bus, posted: Vec<Posted>) -> Result<(), (usize, Failure)> {
    for (position, posted) in posted.iter().enumerate() {
        app::relay::forward(app, bus, posted).await.map_err(|failure| (position, failure))?;
    }
    Ok(())
}
