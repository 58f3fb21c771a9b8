//! The application from the environment that `template.yaml` sets. Read once, at cold start, and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use app::ports::Queue;
use app::secrets::{SecretError, Secrets};
use app::{App, RateLimit, Settings};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::target::Targets;
use gateways::system::{SystemClock, SystemIds};
use store::Store;
use store::dynamo::DynamoTable;

use crate::blobs::S3Blobs;
use crate::bus::EventBus;
use crate::logs;
use crate::progress::Pause;
use crate::queues::SqsQueues;

/// One attempt of one request to a service: a connection that went silent must not hold a function for minutes.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);
/// One request with all its attempts.
const REQUEST_MAX: Duration = Duration::from_secs(40);

/// The environment does not say what it must.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// Not set, or empty.
    #[error("the environment variable `{0}` is not set")]
    Missing(String),
    /// Set to something else than it should be. What it is set to may be a secret, and is not told.
    #[error("the environment variable `{name}` is not {expected}")]
    Malformed {
        /// Which.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The keys do not work.
    #[error(transparent)]
    Keys(#[from] SecretError),
}

/// What a function is made of: the application, and the services for what is not in it.
pub struct Wiring {
    /// The application.
    pub app: App,
    sdk: SdkConfig,
}

/// The application, wired from the environment. Starts logging, too.
///
/// # Errors
/// The environment is incomplete.
pub async fn app() -> Result<App, WiringError> {
    Ok(wire().await?.app)
}

/// The application with a way to further services. Starts logging, too.
///
/// # Errors
/// The environment is incomplete.
pub async fn wire() -> Result<Wiring, WiringError> {
    logs::start();
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_MAX).operation_timeout(REQUEST_MAX).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    let app = App {
        store: Store::new(Arc::new(table(&sdk)?)),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        queues: Arc::new(queues(&sdk)?),
        blobs: Arc::new(blobs(&sdk)?),
        progress: Arc::new(Pause),
        secrets: Arc::new(secrets(&required("WEIR_MASTER_KEY")?, &required("WEIR_SIGNING_KEY")?)?),
        settings: Arc::new(settings()?),
    };
    Ok(Wiring { app, sdk })
}

impl Wiring {
    /// The deployment's event bus.
    ///
    /// # Errors
    /// The environment names none.
    pub fn bus(&self) -> Result<EventBus, WiringError> {
        Ok(EventBus::new(aws_sdk_eventbridge::Client::new(&self.sdk), required("WEIR_BUS")?))
    }
}

fn table(sdk: &SdkConfig) -> Result<DynamoTable, WiringError> {
    let seconds = || {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
    };
    Ok(DynamoTable::new(aws_sdk_dynamodb::Client::new(sdk), required("WEIR_TABLE")?, Arc::new(seconds)))
}

fn queues(sdk: &SdkConfig) -> Result<SqsQueues, WiringError> {
    let url = |queue: Queue| Ok((queue, required(&format!("WEIR_QUEUE_{}", queue.name().to_ascii_uppercase()))?));
    let urls = Queue::ALL.into_iter().map(url).collect::<Result<HashMap<_, _>, WiringError>>()?;
    Ok(SqsQueues::new(aws_sdk_sqs::Client::new(sdk), urls))
}

fn blobs(sdk: &SdkConfig) -> Result<S3Blobs, WiringError> {
    // An endpoint of one's own has no name per bucket.
    let own_endpoint = std::env::var_os("AWS_ENDPOINT_URL").is_some();
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(own_endpoint).build();
    Ok(S3Blobs::new(aws_sdk_s3::Client::from_conf(config), required("WEIR_BUCKET")?))
}

fn settings() -> Result<Settings, WiringError> {
    Ok(Settings {
        public_url: required("WEIR_PUBLIC_URL")?.trim_end_matches('/').to_owned(),
        admin_key: required("WEIR_ADMIN_KEY")?,
        webhook_targets: Targets::allowing_private(
            std::env::var("WEIR_ALLOW_PRIVATE_TARGETS").is_ok_and(|value| value == "1"),
        ),
        rate_limit: rate_limit(std::env::var("WEIR_RATE_LIMIT").unwrap_or_default().trim())?,
    })
}

fn rate_limit(text: &str) -> Result<Option<RateLimit>, WiringError> {
    let malformed = |_| WiringError::Malformed { name: "WEIR_RATE_LIMIT", expected: "`requests/seconds`" };
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(malformed) }
}

/// The keys from their texts: 32 bytes in Base64, and an RSA private key as PKCS#8 (DER) in Base64, all in one line.
/// The public half is computed, so that the two cannot be of different pairs.
fn secrets(master: &str, signing: &str) -> Result<Secrets, WiringError> {
    let no_master = WiringError::Malformed { name: "WEIR_MASTER_KEY", expected: "32 bytes in Base64" };
    let no_signing = || WiringError::Malformed {
        name: "WEIR_SIGNING_KEY",
        expected: "an RSA private key of at least 2048 bits (PKCS#8, DER) in Base64",
    };
    let master: Option<[u8; 32]> = STANDARD.decode(master).ok().and_then(|bytes| bytes.try_into().ok());
    let private = STANDARD.decode(signing).map_err(|_| no_signing())?;
    let pair = RsaKeyPair::from_pkcs8(&private).map_err(|_| no_signing())?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| no_signing())?;
    let signing_pem = pem("PRIVATE KEY", &private);
    let public_pem = pem("PUBLIC KEY", public.as_ref());
    Ok(Secrets::new(&master.ok_or(no_master)?, &signing_pem, &public_pem)?)
}

/// RFC 7468: Base64 in lines of 64.
fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    // Base64 is ASCII: every chunk of bytes is text.
    let lines = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default());
    let body: String = lines.flat_map(|line| [line, "\n"]).collect();
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}

fn required(name: &str) -> Result<String, WiringError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| WiringError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::Pkcs8V1Der;
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    #[test]
    fn keys_come_from_single_lines_and_the_public_half_follows() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let signing = STANDARD.encode(private.as_ref());
        let keys = secrets(&STANDARD.encode([7; 32]), &signing).unwrap();
        let public = STANDARD.decode(keys.public_key_base64().replace('\n', "")).unwrap();
        let public = String::from_utf8(public).unwrap();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIjAN"), "{public}");
        assert!(public.ends_with("\n-----END PUBLIC KEY-----\n"), "{public}");
        assert_eq!(keys.jwt_signature("{}", "https://weir.example").unwrap().split('.').count(), 3);
    }

    #[test]
    fn unusable_keys_are_refused_without_being_told() {
        for (master, signing) in [("short", "x"), ("", ""), ("c2hvcnQ=", "bm8ga2V5")] {
            let error = secrets(master, signing).err().unwrap().to_string();
            assert!(error.contains("WEIR_") && !error.contains("bm8ga2V5"), "{error}");
        }
    }
}
