//! `documents` as a Lambda function.

use documents::renderer::TypstRenderer;
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let app = cloud::wiring::app().await?;
    cloud::batch::run(async |messages| fn_documents::handle(&app, &TypstRenderer, messages).await).await
}
