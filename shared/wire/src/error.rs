//! The error body (chapter 05, 1.6). Its keys, statuses and codes are a public contract.

use domain::problem::Problems;
use serde::Serialize;
use serde_json::{Map, Value};

/// A refusal as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// HTTP status.
    pub status: u16,
    /// The status in words.
    pub error: String,
    /// The cause, for programs; absent on 400, 401 and 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong with which field, on 422.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_details: Option<Value>,
}

impl ErrorBody {
    fn new(status: u16, error: &str, code: Option<&str>) -> ErrorBody {
        ErrorBody { status, error: error.to_owned(), code: code.map(str::to_owned), error_details: None }
    }

    /// 400: the root object is missing or empty.
    #[must_use]
    pub fn missing_root(root: &str) -> ErrorBody {
        ErrorBody::new(400, &format!("BadRequest: param is missing or the value is empty: {root}"), None)
    }

    /// 400: the body is no JSON.
    #[must_use]
    pub fn malformed() -> ErrorBody {
        ErrorBody::new(400, "Bad Request", None)
    }

    /// 401: no key, or an unknown one.
    #[must_use]
    pub fn unauthorized() -> ErrorBody {
        ErrorBody::new(401, "Unauthorized", None)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(code: &str) -> ErrorBody {
        ErrorBody::new(403, "Forbidden", Some(code))
    }

    /// 404: `<resource>_not_found`.
    #[must_use]
    pub fn not_found(resource: &str) -> ErrorBody {
        ErrorBody::new(404, "Not Found", Some(&format!("{resource}_not_found")))
    }

    /// 405: the state of the object forbids it.
    #[must_use]
    pub fn not_allowed(code: &str) -> ErrorBody {
        ErrorBody::new(405, "Method Not Allowed", Some(code))
    }

    /// 409: something else is going on.
    #[must_use]
    pub fn conflict(code: &str) -> ErrorBody {
        ErrorBody::new(409, "Conflict", Some(code))
    }

    /// 429: too many requests in too short a time.
    #[must_use]
    pub fn too_many_requests() -> ErrorBody {
        ErrorBody::new(429, "Too Many Requests", Some("too_many_requests"))
    }

    /// 413: the body is over its limit.
    #[must_use]
    pub fn too_large() -> ErrorBody {
        ErrorBody::new(413, "Payload Too Large", Some("payload_too_large"))
    }

    /// 422: fields with their codes.
    #[must_use]
    pub fn invalid(problems: &Problems) -> ErrorBody {
        let details: Map<String, Value> =
            problems.fields().iter().map(|(field, codes)| (field.clone(), Value::from(codes.clone()))).collect();
        let body = ErrorBody::new(422, "Unprocessable Entity", Some("validation_errors"));
        ErrorBody { error_details: Some(Value::Object(details)), ..body }
    }

    /// 422: not its fields, but the request as a whole.
    #[must_use]
    pub fn unprocessable(code: &str) -> ErrorBody {
        ErrorBody::new(422, "Unprocessable Entity", Some(code))
    }

    /// 500: a fault of ours.
    #[must_use]
    pub fn internal() -> ErrorBody {
        ErrorBody::new(500, "Internal Server Error", None)
    }

    /// 503: nothing has been done, and trying again may well work.
    #[must_use]
    pub fn try_again() -> ErrorBody {
        ErrorBody::new(503, "Service Unavailable", Some("try_again"))
    }
}
