//! `weir`: the local host's program.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use weir::{Host, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::read(|name| std::env::var(name).ok(), std::env::args().skip(1))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let host = Host::start(settings).await?;
    println!("Weir answers on http://{}", host.address());
    if let Some(key) = host.first_key() {
        println!("API key of the first organization: {key}");
    }
    println!("Try: curl -H \"Authorization: Bearer <key>\" http://{}/api/v1/customers", host.address());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    host.stop().await;
    Ok(())
}
