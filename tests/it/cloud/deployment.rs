//! `template.yaml`, deployed with the functions of the dev profile.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::aws::Aws;
use crate::emulator::{REGION, emulator};

const FUNCTIONS: [&str; 9] = ["api", "ingest", "advance", "clock", "billing", "relay", "webhooks", "documents", "fold"];

/// A deployed stack.
pub struct Deployment {
    pub aws: Aws,
    stack: String,
    described: Value,
}

impl Deployment {
    /// Deploys under a name of its own. Messages come back after seconds, so that dead letters are soon seen.
    pub fn of(stack: &str) -> Deployment {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository");
        for name in FUNCTIONS {
            let bootstrap = root.join("build").join(name).join("bootstrap");
            assert!(
                bootstrap.is_file(),
                "the function `{name}` is not built: run `make test`, or `infra/build-functions.sh dev` before the tests"
            );
        }
        let endpoint = emulator().endpoint();
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{stack}.json"));
        let output = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("infra/deploy.py"))
            .args(["--stack", stack, "--to"])
            .arg(&file)
            .args(["AllowPrivateTargets=1", "VisibilityTimeoutSeconds=8"])
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .output()
            .expect("the deployment script starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the template cannot be deployed: {errors}");
        let described = std::fs::read_to_string(&file).expect("the deployment is described");
        let described = serde_json::from_str(&described).expect("the description is JSON");
        Deployment { aws: Aws::at(&endpoint), stack: stack.to_owned(), described }
    }

    /// The address of the API, as the deployment knows it.
    pub fn url(&self) -> &str {
        self.described["url"].as_str().expect("a deployment has a URL")
    }

    pub fn admin_key(&self) -> &str {
        self.described["admin_key"].as_str().expect("a deployment has an admin key")
    }

    /// An output of the template.
    pub fn output(&self, name: &str) -> &str {
        self.described["outputs"][name].as_str().unwrap_or_else(|| panic!("the template has no output `{name}`"))
    }

    /// Calls one of the functions directly.
    pub async fn invoke(&self, function: &str) -> Result<String, String> {
        self.aws.invoke(&format!("{}-{function}", self.stack)).await
    }

    /// What the functions have logged lately.
    pub async fn logs(&self) -> String {
        let mut logs = String::new();
        for name in FUNCTIONS {
            let log = self.aws.log(&format!("{}-{name}", self.stack)).await;
            logs.push_str(&format!("\n--- {name}\n{log}\n"));
        }
        logs
    }

    /// Asks until there is an answer, for as long as may be.
    pub async fn eventually<T>(&self, what: &str, at_most: Duration, ask: impl AsyncFn() -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < at_most {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{what}: not within {at_most:?}; the functions' logs: {}", self.logs().await);
    }
}
