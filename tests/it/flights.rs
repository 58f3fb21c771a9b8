//! The flights of 2013 (`it::flights`) over HTTP against the host in this process: the committed cut, to the cent.

use std::path::Path;

use it::flights::check;
use it::flights::client::Api;
use it::flights::month::Month;
use it::flights::oracle::expected_invoices;
use it::flights::{play, rows, story};

use crate::scenarios::world::{ADMIN_KEY, shared, url};

const CONNECTIONS: usize = 4;
/// The busiest carrier.
const USAGE_CARRIER: &str = "UA";

#[test]
fn every_invoice_of_the_committed_flights_is_right_to_the_cent() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flights2013-01.csv.gz");
    shared().runtime.block_on(async {
        let mut rows = rows::open(&path).unwrap().peekable();
        let api = story::create(&Api::new(&url(""), ADMIN_KEY).unwrap()).await.unwrap();
        let mut expected = Vec::new();
        let mut differences = Vec::new();
        for month in Month::first(2) {
            let flights = play::take_month(&mut rows, month).unwrap();
            assert!(!flights.is_empty(), "{month} is missing from the cut");
            let invoices = expected_invoices(&flights, &[month]);
            let sent = play::send(&api, flights, CONNECTIONS).await.unwrap();
            assert!(sent.events_count > 0);
            if month == Month::FIRST {
                api.travel_to(story::starts_at()).await.unwrap();
                let usage = invoices.iter().find(|invoice| invoice.carrier == USAGE_CARRIER).unwrap();
                differences.extend(check::check_current_usage(&api, usage).await.unwrap());
            }
            api.travel_to(play::closes_at(month)).await.unwrap();
            expected.extend(invoices);
        }
        assert!(rows.next().is_none(), "the cut ends with the second month");
        differences.extend(check::check_all(&api, &expected).await.unwrap());
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert!(
            lines.is_empty(),
            "{} of {} invoices' figures differ:\n{}",
            lines.len(),
            expected.len(),
            lines.join("\n")
        );
    });
}
