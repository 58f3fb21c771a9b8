//! What tests of inputs have in common.

use domain::problem::Problems;
use serde_json::Value;

use crate::input::Fields;

/// The keys of an object.
pub(crate) fn fields(body: &Value) -> Fields<'_> {
    Fields(body.as_object().unwrap_or_else(|| unreachable!("a test's body is an object")))
}

/// `base` with the keys of `change` put over its own.
pub(crate) fn merged(mut base: Value, change: Value) -> Value {
    if let (Some(base), Value::Object(change)) = (base.as_object_mut(), change) {
        base.extend(change);
    }
    base
}

/// `field: code code, field: code`; nothing if all is well.
pub(crate) fn codes<T>(outcome: Result<T, Problems>) -> String {
    let problems = outcome.err().unwrap_or_default();
    let fields = problems.fields().iter().map(|(field, codes)| format!("{field}: {}", codes.join(" ")));
    fields.collect::<Vec<_>>().join(", ")
}
