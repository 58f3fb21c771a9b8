//! The test clock of a sandbox organization (DESIGN, 6).

use domain::organization::TestClock;
use domain::problem::{Problems, codes};
use domain::time::Instant;
use serde::Serialize;

use crate::format;
use crate::input::{Field, Fields};

/// Code of a `frozen_time` before the present one.
pub const IN_THE_PAST: &str = "value_is_in_the_past";

/// The `frozen_time` that the object under `test_clock` asks for.
///
/// # Errors
/// It is missing, or no instant with a zone.
pub fn parse(fields: Fields<'_>) -> Result<Instant, Problems> {
    let mut problems = Problems::default();
    match fields.instant("frozen_time", &mut problems) {
        Field::Set(at) => Ok(at),
        Field::Null => Err(Problems::one("frozen_time", codes::MANDATORY)),
        Field::Absent if problems.is_empty() => Err(Problems::one("frozen_time", codes::MANDATORY)),
        Field::Absent => Err(problems),
    }
}

/// The refusal of going back.
#[must_use]
pub fn in_the_past() -> Problems {
    Problems::one("frozen_time", IN_THE_PAST)
}

/// The clock as clients see it, under `test_clock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "TestClock")]
pub struct Output {
    frozen_time: String,
    status: &'static str,
}

impl From<TestClock> for Output {
    fn from(clock: TestClock) -> Output {
        let status = if clock.advancing_to.is_some() { "advancing" } else { "ready" };
        Output { frozen_time: format::timestamp(clock.frozen_time), status }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_time_is_an_instant() {
        let parse = |body: Value| parse(Fields(body.as_object().unwrap()));
        let at: Instant = "2023-02-06T01:00:00Z".parse().unwrap();
        assert_eq!(parse(json!({"frozen_time": "2023-02-06T01:00:00Z"})), Ok(at));
        assert_eq!(parse(json!({"frozen_time": "2023-02-06T02:00:00+0100"})), Ok(at));
        for missing in
            [json!({"x": 1}), json!({"frozen_time": null}), json!({"frozen_time": ""}), json!({"frozen_time": {}})]
        {
            assert_eq!(parse(missing), Err(Problems::one("frozen_time", codes::MANDATORY)));
        }
        for bad in [json!({"frozen_time": "2023-02-06"}), json!({"frozen_time": "soon"}), json!({"frozen_time": 1})] {
            assert_eq!(parse(bad), Err(Problems::one("frozen_time", codes::INVALID_DATE)));
        }
    }

    #[test]
    fn the_clock_says_whether_it_moves() {
        let at: Instant = "2023-02-06T01:00:00.5Z".parse().unwrap();
        let show =
            |advancing_to| serde_json::to_string(&Output::from(TestClock { frozen_time: at, advancing_to })).unwrap();
        assert_eq!(show(None), r#"{"frozen_time":"2023-02-06T01:00:00Z","status":"ready"}"#);
        assert_eq!(show(Some(at)), r#"{"frozen_time":"2023-02-06T01:00:00Z","status":"advancing"}"#);
    }
}
