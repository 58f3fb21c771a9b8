//! Stories through the public API on the local host, the test clock turned by hand.
//!
//! Owns: what a client sees of every rule, end to end. Does not own: the tables of cases of one rule, which stand beside
//! the code. Figures are worked out by hand, in comments, from chapters 02 to 07.

mod analytics;
mod api_keys;
mod bad_input;
mod calendars;
mod changes;
mod charge_checks;
mod charges;
pub mod conformance;
mod coupons;
mod credit_notes;
mod deletions;
mod documents;
mod drafts;
mod event_checks;
mod events;
mod fees;
mod folding;
mod handover;
mod idempotency;
mod journeys;
mod ledger;
mod lifecycle;
mod limits;
mod metrics;
mod numbering;
mod one_off;
mod past_usage;
mod pay_in_advance;
mod planned_ends;
mod previews;
mod providers;
mod rating;
pub mod receiver;
mod refreshes;
mod requests;
mod taxes;
mod wallets;
mod webhooks;
pub mod world;
mod zone_changes;

use serde_json::json;
use world::World;

/// A world with the metric `calls`, which plans charge 0.10 each for.
fn calls(at: &str) -> World {
    let world = World::new(at);
    world.metric("calls", "count");
    world
}

/// A plan of 100.00 with `calls`.
fn hundred(world: &World, interval_and_timing: &str) {
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.plan("hundred", &format!("100.00 EUR {interval_and_timing}"), &[charge]);
}
