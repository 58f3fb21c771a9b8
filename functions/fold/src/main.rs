//! `fold` as a Lambda function.

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    cloud::batch::run(async |messages| fn_fold::handle(&app, messages).await).await
}
