//! The one place where failures become HTTP.

use app::{Failure, Rejection};
use axum::response::{IntoResponse, Response};
use domain::problem::Problems;
use http::StatusCode;
use wire::error::ErrorBody;
use wire::event::ParseError;
use wire::input::MissingRoot;

use crate::reply;

/// A refusal on its way to the client; boxed, as every route's result carries one.
#[derive(Debug)]
pub(crate) struct ApiError(Box<ErrorBody>);

pub(crate) type ApiResult = Result<Response, ApiError>;

impl From<ErrorBody> for ApiError {
    fn from(body: ErrorBody) -> ApiError {
        ApiError(Box::new(body))
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        let body = match failure {
            Failure::Rejected(rejection) => body_of(rejection),
            Failure::Unavailable(cause) => {
                tracing::warn!("answered 503: {cause}");
                ErrorBody::try_again()
            }
            Failure::Bug(cause) => {
                tracing::error!("answered 500: {cause}");
                ErrorBody::internal()
            }
        };
        body.into()
    }
}

fn body_of(rejection: Rejection) -> ErrorBody {
    match rejection {
        Rejection::Unauthorized => ErrorBody::unauthorized(),
        Rejection::Forbidden(code) => ErrorBody::forbidden(code),
        Rejection::NotFound(resource) => ErrorBody::not_found(resource),
        Rejection::NotAllowed(code) => ErrorBody::not_allowed(code),
        Rejection::Conflict(code) => ErrorBody::conflict(code),
        Rejection::Unprocessable(code) => ErrorBody::unprocessable(code),
        Rejection::Invalid(problems) => ErrorBody::invalid(&problems),
    }
}

impl From<MissingRoot> for ApiError {
    fn from(MissingRoot(root): MissingRoot) -> ApiError {
        ErrorBody::missing_root(root).into()
    }
}

impl From<Problems> for ApiError {
    fn from(problems: Problems) -> ApiError {
        ErrorBody::invalid(&problems).into()
    }
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> ApiError {
        ErrorBody::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Statuses of error bodies are constants of `wire`: all of them exist.
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, reply::json(&*self.0)).into_response()
    }
}
