//! `weir`: the local host's program.

use std::process::ExitCode;

use gateways::logs::{self, Format, Out};
use tokio::signal::unix::{SignalKind, signal};
use weir::{Host, Settings};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = std::env::var("WEIR_LOG").unwrap_or_else(|_| "warn".to_owned());
    let is_json = std::env::var("WEIR_LOG_FORMAT").is_ok_and(|format| format == "json");
    logs::start(if is_json { Format::Json } else { Format::Text }, &filter, Out::Stderr);
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
