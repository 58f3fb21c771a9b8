//! Webhook endpoints (chapter 05, 2.16; chapter 06, 16).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::id::OrganizationId;
use domain::organization::{Endpoint, SignatureAlgorithm};
use domain::problem::{Problems, codes};
use serde::Serialize;
use url::{Host, Url};
use uuid::Uuid;

use crate::format;
use crate::input::{Field, Fields};

/// What `POST` and `PUT /webhook_endpoints` take. That the URL is unique, and the number of endpoints, is not seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Absolute `http` or `https` URL, as sent.
    pub webhook_url: String,
    /// None if it was not sent: `jwt` for a new endpoint, unchanged for an old one.
    pub signature_algorithm: Option<SignatureAlgorithm>,
}

impl Input {
    /// Reads the object under `webhook_endpoint`.
    ///
    /// `allow_private`: whether the URL's host may be the literal of a private address.
    ///
    /// # Errors
    /// A URL that is missing or not usable, an unknown algorithm.
    pub fn parse(fields: Fields<'_>, allow_private: bool) -> Result<Input, Problems> {
        let mut problems = Problems::default();
        let webhook_url = fields.mandatory_text("webhook_url", &mut problems);
        if !is_usable(&webhook_url, allow_private) {
            problems.add("webhook_url", codes::INVALID_URL);
        }
        let signature_algorithm = match fields.text("signature_algo") {
            Field::Absent | Field::Null => None,
            Field::Set(word) => {
                let algorithm = parse_algorithm(&word);
                if algorithm.is_none() {
                    problems.add("signature_algo", codes::INVALID);
                }
                algorithm
            }
        };
        problems.or(Input { webhook_url, signature_algorithm })
    }
}

fn parse_algorithm(word: &str) -> Option<SignatureAlgorithm> {
    [SignatureAlgorithm::Jwt, SignatureAlgorithm::Hmac].into_iter().find(|algorithm| algorithm_word(*algorithm) == word)
}

/// The API's word.
#[must_use]
pub fn algorithm_word(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::Jwt => "jwt",
        SignatureAlgorithm::Hmac => "hmac",
    }
}

/// Whether messages can go to `url`: `http` or `https`, with a host that is no private address unless `allow_private`.
///
/// Only addresses are looked at: what a name resolves to is checked at each delivery (00-index).
#[must_use]
pub fn is_usable(url: &str, allow_private: bool) -> bool {
    // The parser is lenient where it matters: it drops line breaks and adds slashes that are not there.
    let is_absolute = ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_absolute || url.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return false;
    }
    let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.starts_with(['/', '\\', '?', '#']) {
        return false;
    }
    let Ok(parsed) = Url::parse(url) else { return false };
    match parsed.host() {
        None => false,
        Some(Host::Domain(name)) => !name.is_empty(),
        Some(Host::Ipv4(address)) => allow_private || !is_private(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => allow_private || !is_private(IpAddr::V6(address)),
    }
}

/// Whether an address is not of the public internet: private, loopback, link-local, shared or unspecified, also when it
/// is wrapped in an IPv6 address.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => {
            let [first, ..] = address.segments();
            address.is_loopback()
                || address.is_unspecified()
                || first & 0xfe00 == 0xfc00 // unique local, fc00::/7
                || first & 0xffc0 == 0xfe80 // link-local, fe80::/10
                || first & 0xffc0 == 0xfec0 // site-local, fec0::/10, deprecated
                || wrapped_v4(address).is_some_and(is_private_v4)
        }
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || first == 0 // 'this network', with the unspecified address
        || (first == 100 && second & 0xc0 == 64) // shared by carriers, 100.64.0.0/10
}

/// The IPv4 address in a mapped (`::ffff:a.b.c.d`), compatible (`::a.b.c.d`), translated (`64:ff9b::a.b.c.d`) or 6to4
/// (`2002:aabb:ccdd::`) address.
fn wrapped_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(pair(high, low)),
        [0x2002, high, low, ..] => Some(pair(high, low)),
        _ => None,
    }
}

/// An endpoint as clients see it.
#[derive(Debug, Clone, Serialize)]
pub struct Output {
    lago_id: Uuid,
    lago_organization_id: Uuid,
    webhook_url: String,
    signature_algo: &'static str,
    created_at: String,
}

impl Output {
    /// An endpoint of `organization`.
    #[must_use]
    pub fn new(endpoint: &Endpoint, organization: OrganizationId) -> Output {
        Output {
            lago_id: endpoint.id.0,
            lago_organization_id: organization.0,
            webhook_url: endpoint.url.clone(),
            signature_algo: algorithm_word(endpoint.signature_algorithm),
            created_at: format::timestamp(endpoint.created_at),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use domain::id::EndpointId;
    use expect_test::expect;
    use serde_json::{Value, json};

    use super::*;

    fn parse(body: &Value) -> Result<Input, Problems> {
        Input::parse(Fields(body.as_object().unwrap()), false)
    }

    #[test]
    fn inputs_and_their_codes() {
        let check = |body: Value, expected: &[(&str, &[&str])]| {
            let problems = parse(&body).err().unwrap_or_default();
            let found: Vec<(&str, Vec<&str>)> = problems
                .fields()
                .iter()
                .map(|(field, codes)| (field.as_str(), codes.iter().map(String::as_str).collect()))
                .collect();
            let expected: Vec<(&str, Vec<&str>)> =
                expected.iter().map(|(field, codes)| (*field, codes.to_vec())).collect();
            assert_eq!(found, expected, "{body}");
        };
        let missing: &[(&str, &[&str])] = &[("webhook_url", &["value_is_mandatory", "url_is_invalid"])];
        let invalid: &[(&str, &[&str])] = &[("webhook_url", &["url_is_invalid"])];
        for body in
            [json!({}), json!({"webhook_url": null}), json!({"webhook_url": " "}), json!({"webhook_url": ["x"]})]
        {
            check(body, missing);
        }
        check(json!({"webhook_url": "foobar"}), invalid);
        check(json!({"webhook_url": 12}), invalid);
        check(json!({"webhook_url": "https://foo.bar", "signature_algo": "hmac"}), &[]);
        check(
            json!({"webhook_url": "x", "signature_algo": "rsa"}),
            &[("webhook_url", &["url_is_invalid"]), ("signature_algo", &["value_is_invalid"])],
        );
        check(
            json!({"webhook_url": "https://foo.bar", "signature_algo": ""}),
            &[("signature_algo", &["value_is_invalid"])],
        );
    }

    #[test]
    fn an_absent_algorithm_is_told_from_a_given_one() {
        let algorithm = |body: Value| parse(&body).unwrap().signature_algorithm;
        assert_eq!(algorithm(json!({"webhook_url": "https://foo.bar"})), None);
        assert_eq!(algorithm(json!({"webhook_url": "https://foo.bar", "signature_algo": null})), None);
        let hmac = json!({"webhook_url": "https://foo.bar", "signature_algo": "hmac"});
        assert_eq!(algorithm(hmac), Some(SignatureAlgorithm::Hmac));
        let jwt = json!({"webhook_url": "https://foo.bar", "signature_algo": "jwt"});
        assert_eq!(algorithm(jwt), Some(SignatureAlgorithm::Jwt));
    }

    #[test]
    fn urls_are_absolute_and_have_a_host() {
        for good in [
            "https://foo.bar",
            "http://foo.bar:8080/hook?x=1#y",
            "HTTPS://Foo.Bar/",
            "https://user:secret@foo.bar/x",
            "http://localhost:3000/hook",
            "https://éxample.com/é",
            "http://[2606:4700::1111]/",
            "http://203.0.113.7/",
        ] {
            assert!(is_usable(good, false), "{good}");
        }
        for bad in [
            "",
            "foo.bar",
            "//foo.bar",
            "https:",
            "https://",
            "https:foo.bar",
            "https:/foo.bar",
            "https:///foo.bar",
            "https://?x",
            "ftp://foo.bar",
            "javascript:alert(1)",
            "https://foo bar",
            "https://foo.bar/a b",
            " https://foo.bar",
            "https://foo.bar\n",
            "https://foo.bar:99999",
            "https://:80",
            "https://exa<mple.com",
        ] {
            assert!(!is_usable(bad, true), "{bad}");
        }
    }

    #[test]
    fn private_addresses_are_usable_only_where_allowed() {
        for private in [
            "http://127.0.0.1/",
            "http://127.1:8080/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://192.168.0.1/",
            "http://169.254.169.254/latest",
            "http://0.0.0.0/",
            "http://0.1.2.3/",
            "http://100.64.0.1/",
            "http://255.255.255.255/",
            "http://[::]/",
            "http://[::1]/",
            "http://[fc00::1]/",
            "http://[fd12:3456::1]/",
            "http://[fe80::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
        ] {
            assert!(!is_usable(private, false), "{private}");
            assert!(is_usable(private, true), "{private}");
        }
        for public in ["http://172.32.0.1/", "http://100.128.0.1/", "http://8.8.8.8/", "http://[::ffff:8.8.8.8]/"] {
            assert!(is_usable(public, false), "{public}");
        }
    }

    #[test]
    fn an_endpoint() {
        let endpoint = Endpoint {
            id: EndpointId(Uuid::from_u128(1)),
            url: "https://foo.bar".into(),
            signature_algorithm: SignatureAlgorithm::Jwt,
            created_at: "2024-01-09T10:15:30Z".parse().unwrap(),
        };
        let output = Output::new(&endpoint, OrganizationId(Uuid::from_u128(2)));
        expect![[r#"{"lago_id":"00000000-0000-0000-0000-000000000001","lago_organization_id":"00000000-0000-0000-0000-000000000002","webhook_url":"https://foo.bar","signature_algo":"jwt","created_at":"2024-01-09T10:15:30Z"}"#]]
        .assert_eq(&serde_json::to_string(&output).unwrap());
    }
}
