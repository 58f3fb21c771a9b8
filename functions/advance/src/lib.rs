//! `advance`: bills events of charges in advance, each by itself and in order.

use app::App;
use app::ports::Incoming;

/// Makes the fees of a batch of messages. Returns the ids of those to deliver again.
pub async fn handle(app: &App, messages: Vec<Incoming>) -> Vec<String> {
    app::advance::charge(app, messages).await
}
