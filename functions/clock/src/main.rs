//! `clock` as a Lambda function.

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    cloud::schedule::run(async || fn_clock::handle(&app).await).await
}
