//! The data file: one row per flight, sorted by time, CSV, plain or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

/// One flight, as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Unique in the file.
    pub transaction_id: String,
    /// Scheduled departure.
    pub timestamp: DateTime<Utc>,
    /// One of [`super::CARRIERS`].
    pub carrier: String,
    /// The carrier's flight number.
    pub flight: u32,
    /// The aircraft; missing for some cancelled flights.
    pub tailnum: Option<String>,
    /// `EWR`, `JFK` or `LGA`.
    pub origin: String,
    /// Airport code of the destination.
    pub dest: String,
    /// Miles.
    pub distance: u32,
    /// Minutes in the air; missing for cancelled and some diverted flights.
    pub air_time: Option<u32>,
    /// The flight never left.
    pub cancelled: bool,
}

/// Why the data could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The file is missing or not readable.
    #[error("opening `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A row is not a flight.
    #[error("reading a flight from `{path}`")]
    Row {
        /// The file.
        path: PathBuf,
        /// Which row, and why.
        source: csv::Error,
    },
}

/// The flights of a file in its order, read while iterating.
pub struct Rows {
    path: PathBuf,
    records: csv::DeserializeRecordsIntoIter<Box<dyn Read + Send>, Flight>,
}

/// Opens a data file; gzip is recognized by its first two bytes.
pub fn open(path: &Path) -> Result<Rows, RowsError> {
    let failed = |source| RowsError::Open { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn Read + Send> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Rows { path: path.to_owned(), records: csv::Reader::from_reader(text).into_deserialize() })
}

impl Iterator for Rows {
    type Item = Result<Flight, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(record.map_err(|source| RowsError::Row { path: self.path.clone(), source }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::month::Month;
    use super::super::oracle::expected_invoices;
    use super::*;

    /// The committed cut, described in `tests/data/README.md`.
    fn cut() -> Vec<Flight> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flights2013-01.csv.gz");
        open(&path).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_cut_has_what_it_promises() {
        let flights = cut();
        assert_eq!(flights.len(), 15_597);
        assert!(flights.is_sorted_by_key(|flight| flight.timestamp));
        let count = |of: &dyn Fn(&Flight) -> bool| flights.iter().filter(|flight| of(flight)).count();
        for (carrier, _) in super::super::CARRIERS {
            assert!(count(&|flight| flight.carrier == carrier) > 0, "{carrier}");
        }
        assert!(count(&|flight| flight.cancelled && flight.tailnum.is_none()) > 0);
        assert!(count(&|flight| flight.cancelled && flight.tailnum.is_some()) > 0);
        assert!(count(&|flight| !flight.cancelled && flight.air_time.is_none()) > 0);
        // Late in the evening of 31 January it is February in UTC already.
        let february: DateTime<Utc> = "2013-02-01T00:00:00Z".parse().unwrap();
        assert!(count(&|flight| flight.timestamp >= february && Month::of_event(flight.timestamp) == Month::FIRST) > 0);
        let last_minute: DateTime<Utc> = "2013-02-01T04:59:00Z".parse().unwrap();
        assert!(count(&|flight| flight.timestamp == last_minute) > 0);
        assert!(count(&|flight| Month::of_event(flight.timestamp) > Month::FIRST) > 0);
    }

    /// Figures from a second computation in another language.
    #[test]
    fn the_oracle_agrees_with_a_second_one_on_the_cut() {
        let invoices = expected_invoices(&cut(), &Month::first(2));
        let total = |part: &[super::super::oracle::ExpectedInvoice]| {
            part.iter().map(|invoice| invoice.total_amount_cents).sum::<i64>()
        };
        assert_eq!([total(&invoices[..16]), total(&invoices[16..])], [172_091_401, 29_433_479]);
    }
}
