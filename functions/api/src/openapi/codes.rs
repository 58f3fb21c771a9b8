//! The error codes, read from docs/errors.md: the document and the page tell what that file tells. `tests/it/tidy.rs` keeps it
//! and the code in step.

use std::sync::LazyLock;

const SOURCE: &str = include_str!("../../../../docs/errors.md");

/// A code of an answer, or of a field of `error_details`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    /// None for a code of a field.
    pub(crate) status: Option<u16>,
    pub(crate) cause: &'static str,
    /// What the caller should do; `""` if there is nothing to do.
    pub(crate) remedy: &'static str,
}

/// Every code, in the order of the file.
pub(crate) static CODES: LazyLock<Vec<Code>> = LazyLock::new(|| SOURCE.lines().filter_map(read).collect());

/// A row of one of the two tables.
fn read(line: &'static str) -> Option<Code> {
    let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
    let name = cells.next()?.trim_end_matches('`');
    let second = cells.next()?;
    let (status, cause) = match second.parse() {
        Ok(status) => (Some(status), cells.next()?),
        Err(_) => (None, second),
    };
    let remedy = cells.next().filter(|remedy| *remedy != "-").unwrap_or_default();
    // The rows without a code begin with a status, not with a code.
    (name.parse::<u16>().is_err() && !name.starts_with(char::is_numeric)).then_some(Code {
        name,
        status,
        cause,
        remedy,
    })
}

/// What is known of a code.
pub(crate) fn of(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}
