//! `api` as a Lambda function.

use lambda_http::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    lambda_http::run(fn_api::router(app)).await
}
