//! A flight becomes events: one per metric that it feeds, all with the flight's timestamp and properties.

use serde::Serialize;

use super::rows::Flight;
use super::subscription_id;

/// Events that one request of `POST /events/batch` may hold (chapter 05, 2.10).
pub const EVENTS_PER_BATCH_MAX: usize = 100;

/// Metrics that a flight feeds if it was not cancelled. `air_minutes` alone hears of cancelled flights, too.
const METRICS_FLOWN: [&str; 5] = ["landings", "miles", "air_minutes", "aircraft", "handling"];
const METRICS_CANCELLED: [&str; 1] = ["air_minutes"];

/// One item of `{"events": [...]}`.
#[derive(Debug, Serialize)]
pub struct Event<'a> {
    /// `<the flight's>:<metric code>`.
    pub transaction_id: String,
    /// The metric's code.
    pub code: &'static str,
    /// `sub-<carrier>`.
    pub external_subscription_id: String,
    /// Unix seconds.
    pub timestamp: i64,
    /// What the row has.
    pub properties: Properties<'a>,
}

/// Properties of a flight's events; what the row lacks is left out.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Properties<'a> {
    origin: &'a str,
    dest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tailnum: Option<&'a str>,
    distance: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    air_time: Option<u32>,
}

/// The events of a flight: five, or one if it was cancelled.
pub fn of_flight(flight: &Flight) -> impl Iterator<Item = Event<'_>> {
    metrics(flight).iter().map(|&code| Event {
        transaction_id: format!("{}:{code}", flight.transaction_id),
        code,
        external_subscription_id: subscription_id(&flight.carrier),
        timestamp: flight.timestamp.timestamp(),
        properties: Properties {
            origin: &flight.origin,
            dest: &flight.dest,
            tailnum: flight.tailnum.as_deref(),
            distance: flight.distance,
            air_time: flight.air_time,
        },
    })
}

fn metrics(flight: &Flight) -> &'static [&'static str] {
    if flight.cancelled { &METRICS_CANCELLED } else { &METRICS_FLOWN }
}

/// One request, ready to be sent and, unchanged, sent again.
#[derive(Debug)]
pub struct Batch {
    /// `{"events":[...]}`.
    pub body: Vec<u8>,
    /// Items in it, 1 to [`EVENTS_PER_BATCH_MAX`].
    pub events_count: usize,
}

/// Cuts flights into requests, each serialized when it is asked for.
///
/// Flights of one carrier at one instant are never parted: among them the order of reception decides which ones are the
/// free events of a month (chapter 03, 3.1), and requests on several connections arrive in any order.
pub struct Batches {
    flights: std::vec::IntoIter<Flight>,
}

impl Batches {
    /// Keeps the order of the file among flights of one carrier at one instant.
    pub fn new(mut flights: Vec<Flight>) -> Self {
        flights.sort_by(|a, b| (a.timestamp, &a.carrier).cmp(&(b.timestamp, &b.carrier)));
        Self { flights: flights.into_iter() }
    }

    /// How many of the waiting flights, from the first on, go into one request.
    fn fitting(&self) -> usize {
        let flights = self.flights.as_slice();
        let mut fitting = 0;
        let mut events_count = 0;
        for together in flights.chunk_by(|a, b| a.timestamp == b.timestamp && a.carrier == b.carrier) {
            events_count += together.iter().map(|flight| metrics(flight).len()).sum::<usize>();
            if events_count > EVENTS_PER_BATCH_MAX {
                break;
            }
            fitting += together.len();
        }
        // The data has at most 8 flights together, 40 events. A crowd that fits nowhere would be parted after all.
        if fitting == 0 { flights.len().min(EVENTS_PER_BATCH_MAX / METRICS_FLOWN.len()) } else { fitting }
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, serde_json::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let fitting = self.fitting();
        if fitting == 0 {
            return None;
        }
        let mut body = Vec::with_capacity(24 * 1024);
        body.extend_from_slice(br#"{"events":["#);
        let mut events_count = 0;
        for flight in self.flights.by_ref().take(fitting) {
            for event in of_flight(&flight) {
                if events_count > 0 {
                    body.push(b',');
                }
                if let Err(error) = serde_json::to_writer(&mut body, &event) {
                    return Some(Err(error));
                }
                events_count += 1;
            }
        }
        body.extend_from_slice(b"]}");
        Some(Ok(Batch { body, events_count }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle::tests::flight;
    use super::*;

    #[test]
    fn a_flight_feeds_every_metric() {
        let flown = flight("UA", "2013-01-01T10:15:00Z", "EWR", 1400);
        let events: Vec<Event<'_>> = of_flight(&flown).collect();
        let codes: Vec<&str> = events.iter().map(|event| event.code).collect();
        assert_eq!(codes, ["landings", "miles", "air_minutes", "aircraft", "handling"]);
        assert_eq!(
            serde_json::to_string(&events[1]).unwrap(),
            r#"{"transaction_id":"UA-EWR-1400:miles","code":"miles","external_subscription_id":"sub-UA","#.to_owned()
                + r#""timestamp":1357035300,"properties":{"origin":"EWR","dest":"IAH","tailnum":"N1","#
                + r#""distance":1400,"air_time":100}}"#
        );
    }

    #[test]
    fn a_cancelled_flight_is_heard_of_by_air_minutes_alone() {
        let mut cancelled = flight("UA", "2013-01-01T10:15:00Z", "EWR", 1400);
        (cancelled.cancelled, cancelled.air_time, cancelled.tailnum) = (true, None, None);
        let events: Vec<Event<'_>> = of_flight(&cancelled).collect();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].code, "air_minutes");
        assert_eq!(
            serde_json::to_string(&events[0].properties).unwrap(),
            r#"{"origin":"EWR","dest":"IAH","distance":1400}"#
        );
    }

    #[test]
    fn batches_are_full_and_keep_simultaneous_flights_of_a_carrier_together() {
        let at = |minute: usize| format!("2013-01-01T10:{minute:02}:00Z");
        // 19 flights, then three of UA at one instant with one of AA between them: 20 do not fit without parting.
        let mut flights: Vec<Flight> = (0..19).map(|minute| flight("UA", &at(minute), "EWR", 100)).collect();
        flights.extend(
            [("UA", 1), ("AA", 2), ("UA", 3), ("UA", 4)].map(|(carrier, miles)| flight(carrier, &at(30), "EWR", miles)),
        );
        let batches: Vec<Batch> = Batches::new(flights).map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(|batch| batch.events_count).collect::<Vec<_>>(), [100, 15]);
        let last: serde_json::Value = serde_json::from_slice(&batches[1].body).unwrap();
        let miles = |index: usize| last["events"][index]["properties"]["distance"].as_u64();
        assert_eq!([miles(0), miles(5), miles(10)], [Some(1), Some(3), Some(4)]);
    }
}
