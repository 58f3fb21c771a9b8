//! A smaller data file out of the full one: the flights of chosen local days.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::month::local_date;
use super::rows::{self, RowsError};

/// Why no cut was made.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The full file.
    #[error(transparent)]
    Source(#[from] RowsError),
    /// The new file.
    #[error("writing the cut")]
    Write(#[from] csv::Error),
    /// The new file.
    #[error("writing the cut")]
    Io(#[from] std::io::Error),
}

/// Writes the flights whose local date of departure lies in one of the ranges; returns how many. The same input gives
/// the same bytes.
pub fn write(from: &Path, to: &Path, days: &[RangeInclusive<NaiveDate>]) -> Result<usize, CutError> {
    let mut writer = csv::Writer::from_writer(GzEncoder::new(File::create(to)?, Compression::best()));
    let mut count = 0;
    for flight in rows::open(from)? {
        let flight = flight?;
        let date = local_date(flight.timestamp);
        if days.iter().any(|range| range.contains(&date)) {
            writer.serialize(&flight)?;
            count += 1;
        }
    }
    let encoder = writer.into_inner().map_err(|error| error.into_error())?;
    encoder.finish()?;
    Ok(count)
}
