//! `webhooks`: signs and delivers webhook messages, retries, logs.

use app::App;
use app::jobs::{self, WebhookJob};
use app::ports::{Http, Incoming};

/// Makes one attempt per message. Returns the ids of messages to deliver again.
pub async fn handle(app: &App, http: &dyn Http, messages: Vec<Incoming>) -> Vec<String> {
    jobs::each(messages, |job: WebhookJob| async move { app::webhook::deliver(app, http, &job).await }).await
}
