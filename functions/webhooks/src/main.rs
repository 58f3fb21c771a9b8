//! `webhooks` as a Lambda function.

use gateways::http::GuardedHttp;
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    let http = GuardedHttp::new(app.settings.webhook_targets)?;
    cloud::batch::run(async |messages| fn_webhooks::handle(&app, &http, messages).await).await
}
