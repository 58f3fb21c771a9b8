//! What the environment sets (DESIGN, 8).

use std::net::SocketAddr;
use std::path::PathBuf;

use app::RateLimit;

/// The admin key of a host that only this machine can reach.
const LOCAL_ADMIN_KEY: &str = "weir-local-admin";

/// Settings of a local host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the HTTP server listens.
    pub listen: SocketAddr,
    /// Folder of the database, documents and keys; made if it is not there.
    pub data_dir: PathBuf,
    /// Bearer of the admin endpoints.
    pub admin_key: String,
    /// Scheme and host under which clients reach the API; the listen address if not set.
    pub public_url: Option<String>,
    /// Whether webhooks may go to loopback and private addresses.
    pub allow_private_targets: bool,
    /// How many requests one API key may make; none for any number.
    pub rate_limit: Option<RateLimit>,
    /// Whether to load the demo organization.
    pub demo: bool,
}

/// The environment says something that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// `WEIR_LISTEN` is no `address:port`.
    #[error("WEIR_LISTEN is no address and port: `{0}`")]
    Listen(String),
    /// The admin key must be chosen where others can reach the host.
    #[error("WEIR_ADMIN_KEY must be set when WEIR_LISTEN is not a loopback address")]
    AdminKeyMissing,
    /// `WEIR_PUBLIC_URL` is no URL of scheme and host.
    #[error("WEIR_PUBLIC_URL must be like https://api.example.com: `{0}`")]
    PublicUrl(String),
    /// `WEIR_RATE_LIMIT` is no limit.
    #[error("WEIR_RATE_LIMIT must be like 100/1, requests and seconds: `{0}`")]
    RateLimit(String),
    /// An argument that nobody knows.
    #[error("unknown argument `{0}`; known: serve, --demo")]
    Argument(String),
}

impl Settings {
    /// Reads the environment through `get`, and the arguments after the program's name.
    ///
    /// # Errors
    /// Something makes no sense.
    pub fn read(
        get: impl Fn(&str) -> Option<String>,
        arguments: impl Iterator<Item = String>,
    ) -> Result<Settings, SettingsError> {
        let set = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let listen = set("WEIR_LISTEN").unwrap_or_else(|| "127.0.0.1:3000".to_owned());
        let listen: SocketAddr = listen.parse().map_err(|_| SettingsError::Listen(listen))?;
        let admin_key = match set("WEIR_ADMIN_KEY") {
            Some(key) => key,
            None if listen.ip().is_loopback() => LOCAL_ADMIN_KEY.to_owned(),
            None => return Err(SettingsError::AdminKeyMissing),
        };
        let mut demo = false;
        for argument in arguments {
            match argument.as_str() {
                "serve" => {}
                "--demo" => demo = true,
                _ => return Err(SettingsError::Argument(argument)),
            }
        }
        Ok(Settings {
            listen,
            data_dir: set("WEIR_DATA_DIR").unwrap_or_else(|| "./data".to_owned()).into(),
            admin_key,
            public_url: set("WEIR_PUBLIC_URL").map(|url| public_url(&url)).transpose()?,
            allow_private_targets: set("WEIR_ALLOW_PRIVATE_TARGETS").is_some_and(|value| value == "1"),
            rate_limit: set("WEIR_RATE_LIMIT")
                .map(|text| text.parse().map_err(|_| SettingsError::RateLimit(text)))
                .transpose()?,
            demo,
        })
    }
}

/// The URL without a trailing slash; it must have scheme and host, and no path.
fn public_url(url: &str) -> Result<String, SettingsError> {
    let trimmed = url.trim().trim_end_matches('/');
    let parsed: Option<http::Uri> = trimmed.parse().ok();
    let fits = parsed.is_some_and(|uri| uri.scheme().is_some() && uri.host().is_some() && uri.path() == "/");
    if fits { Ok(trimmed.to_owned()) } else { Err(SettingsError::PublicUrl(url.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)], arguments: &[&str]) -> Result<Settings, SettingsError> {
        let get =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::read(get, arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn nothing_set_is_a_loopback_host() {
        let settings = read(&[], &["serve"]).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:3000");
        assert_eq!((settings.admin_key.as_str(), settings.allow_private_targets), (LOCAL_ADMIN_KEY, false));
    }

    #[test]
    fn a_reachable_host_needs_an_admin_key_of_its_own() {
        assert_eq!(read(&[("WEIR_LISTEN", "0.0.0.0:80")], &[]).unwrap_err(), SettingsError::AdminKeyMissing);
        assert!(read(&[("WEIR_LISTEN", "0.0.0.0:80"), ("WEIR_ADMIN_KEY", "k")], &[]).is_ok());
    }

    #[test]
    fn public_urls_have_no_path() {
        let url = |url: &str| read(&[("WEIR_PUBLIC_URL", url)], &[]).map(|settings| settings.public_url);
        assert_eq!(url("https://api.weir.example/"), Ok(Some("https://api.weir.example".to_owned())));
        assert!(url("https://api.weir.example/v1").is_err());
        assert!(url("api.weir.example").is_err());
    }

    #[test]
    fn a_rate_limit_is_requests_in_seconds() {
        let limit = |text: &str| read(&[("WEIR_RATE_LIMIT", text)], &[]).map(|settings| settings.rate_limit.is_some());
        assert_eq!((limit("100/1"), limit("")), (Ok(true), Ok(false)));
        assert_eq!(limit("100"), Err(SettingsError::RateLimit("100".to_owned())));
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert_eq!(read(&[], &["--fast"]).unwrap_err(), SettingsError::Argument("--fast".to_owned()));
    }
}
