//! An airspace operator bills sixteen airlines for every flight out of New York in 2013.
//!
//! Owns the story (what is created over HTTP), the events, the oracle and the comparison of the two. Does not own a
//! server: the story is told to any base URL.
//!
//! - The oracle shares no code with the product; it is written the obvious way from chapters 02 to 04.
//! - Amounts are exact decimals or whole cents, never floats.
//! - Flights of one carrier at one instant travel in one request, so that the order of reception, which breaks ties, is
//!   the order of the file whatever the number of connections.

pub mod check;
pub mod client;
pub mod cut;
pub mod events;
pub mod month;
pub mod oracle;
pub mod play;
pub mod rows;
pub mod story;

/// The sixteen airlines of the data: code, which is the customer's external id, and name.
pub const CARRIERS: [(&str, &str); 16] = [
    ("9E", "Endeavor Air"),
    ("AA", "American Airlines"),
    ("AS", "Alaska Airlines"),
    ("B6", "JetBlue Airways"),
    ("DL", "Delta Air Lines"),
    ("EV", "ExpressJet Airlines"),
    ("F9", "Frontier Airlines"),
    ("FL", "AirTran Airways"),
    ("HA", "Hawaiian Airlines"),
    ("MQ", "Envoy Air"),
    ("OO", "SkyWest Airlines"),
    ("UA", "United Air Lines"),
    ("US", "US Airways"),
    ("VX", "Virgin America"),
    ("WN", "Southwest Airlines"),
    ("YV", "Mesa Airlines"),
];

/// External id of a carrier's subscription.
pub fn subscription_id(carrier: &str) -> String {
    format!("sub-{carrier}")
}
