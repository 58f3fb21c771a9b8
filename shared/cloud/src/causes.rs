//! Errors of services as one line: what failed and why, without the raw answer that the SDK would print with it.

use std::error::Error;

/// The error and its causes, outermost first.
pub fn causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // Many errors repeat their cause.
        if !words.ends_with(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        source = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("service error")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn causes_stand_in_one_line() {
        assert_eq!(causes(&Outer(std::fmt::Error)), format!("service error: {}", std::fmt::Error));
    }
}
