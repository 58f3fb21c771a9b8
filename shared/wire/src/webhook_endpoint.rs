//! Webhook endpoints (chapter 05, 2.16; chapter 06, 16).

use domain::id::OrganizationId;
use domain::organization::{Endpoint, SignatureAlgorithm};
use domain::problem::{Problems, codes};
use domain::target::{Targets, is_endpoint_url};
use serde::Serialize;
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
    /// `targets`: whether the URL's host may be the literal of a private address.
    ///
    /// # Errors
    /// A URL that is missing or not usable, an unknown algorithm.
    pub fn parse(fields: Fields<'_>, targets: Targets) -> Result<Input, Problems> {
        let mut problems = Problems::default();
        let webhook_url = fields.mandatory_text("webhook_url", &mut problems);
        if !is_endpoint_url(&webhook_url, targets) {
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

/// An endpoint as clients see it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "WebhookEndpoint")]
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
        Input::parse(Fields(body.as_object().unwrap()), Targets::Public)
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
