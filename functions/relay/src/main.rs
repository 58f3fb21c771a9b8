//! `relay` as a Lambda function.

use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let wiring = cloud::wiring::wire().await?;
    let bus = wiring.bus()?;
    cloud::stream::run(async |posted| fn_relay::handle(&wiring.app, &bus, posted).await).await
}
