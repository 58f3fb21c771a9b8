//! Requests for subscriptions: what is a change, what is none, and what a change leaves as it is (chapter 02, 4.2 and 4.7).

use reqwest::Method;
use serde_json::{Value, json};

use super::calls;
use super::world::World;

fn world() -> World {
    let world = calls("2024-01-10T12:00");
    let charge = world.charge("calls", "standard", json!({"amount": "0.10"}));
    world.plan("basic", "31.00 EUR monthly", &[charge]);
    world.plan("pro", "62.00 EUR monthly", &[]);
    world
}

fn show(world: &World, id: &str) -> Value {
    world.get(&format!("/subscriptions/{id}"))["subscription"].clone()
}

#[test]
fn the_plan_that_it_has_is_no_change_whatever_else_is_asked() {
    let world = world();
    let made = world.subscribe_with("acme", "basic", json!({"name": "first"}));
    let again = json!({
        "name": "second", "ending_at": "2024-12-31T00:00:00Z", "billing_time": "anniversary",
        "plan_overrides": {"amount_cents": 1},
    });
    assert_eq!(world.subscribe_with("acme", "basic", again), made);
    assert_eq!(world.invoices("acme"), "");
    // A child is another plan than its parent: asking for the parent is a change.
    let child = world.subscribe_with("child", "basic", json!({"plan_overrides": {"amount_cents": 6200}}));
    assert_eq!((&child["plan_code"], &child["plan"]["amount_cents"]), (&json!("basic"), &json!(6200)));
    let changed = world.subscribe_with("child", "basic", json!({}));
    assert_eq!((&changed["next_plan_code"], &changed["downgrade_plan_date"]), (&json!("basic"), &json!("2024-02-01")));
    // The overridden amount decides which way it goes.
    let up = world.subscribe_with("acme", "pro", json!({"plan_overrides": {"amount_cents": 3000}}));
    assert_eq!((&up["plan_code"], &up["next_plan_code"]), (&json!("basic"), &json!("pro")));
}

#[test]
fn a_start_in_the_future_takes_another_plan_in_its_place() {
    let world = world();
    let later = json!({"subscription_at": "2024-02-10T09:00:00Z", "name": "kept"});
    let waits = world.subscribe_with("acme", "basic", later);
    assert_eq!((&waits["status"], &waits["started_at"]), (&json!("pending"), &Value::Null));
    let replaced = world.subscribe_with("acme", "pro", json!({"plan_overrides": {"amount_cents": 1}}));
    assert_eq!(
        ["lago_id", "name", "plan_code", "status", "subscription_at"].map(|name| &replaced[name]),
        [&waits["lago_id"], &json!("kept"), &json!("pro"), &json!("pending"), &json!("2024-02-10T09:00:00Z")]
    );
    assert_eq!(replaced["plan"]["amount_cents"], 6200);
    let listed = |query: &str| {
        world.get(&format!("/subscriptions?external_customer_id=acme{query}"))["meta"]["total_count"].clone()
    };
    assert_eq!([listed(""), listed("&status[]=pending"), listed("&status[]=odd")], [json!(0), json!(1), json!(0)]);
    world.travel_to("2024-02-10");
    assert_eq!(show(&world, "acme")["started_at"], "2024-02-10T00:00:00Z");
}

#[test]
fn a_start_moved_into_the_past_makes_up_for_nothing_before() {
    let world = world();
    world.subscribe_with("acme", "basic", json!({"subscription_at": "2024-06-01T00:00:00Z"}));
    world.travel_to("2024-04-15T10:00");
    let moved = world.put("/subscriptions/acme", json!({"subscription": {"subscription_at": "2024-01-20T00:00:00Z"}}));
    assert_eq!(moved["subscription"]["started_at"], "2024-01-20T00:00:00Z");
    world.travel_to("2024-05-02");
    // February, March and the rest of January were never due: it did not run on those days.
    let invoices = world.all_invoices("acme");
    assert_eq!(
        (invoices.len(), &invoices[0]["issuing_date"], &invoices[0]["total_amount_cents"]),
        (1, &json!("2024-05-01"), &json!(3100))
    );
}

#[test]
fn a_trial_goes_on_counting_from_the_first_start() {
    let world = world();
    world.plan_with("trial", "31.00 EUR monthly", json!({"trial_period": 30}));
    world.subscribe("acme", "trial");
    world.travel_to("2024-01-20");
    world.delete("/subscriptions/acme");
    // Again, to start later, then moved: the trial of 10 January ends on 9 February all the same.
    world.subscribe_with("acme", "trial", json!({"subscription_at": "2024-03-20T00:00:00Z"}));
    world.put(
        "/subscriptions/acme?status=pending",
        json!({"subscription": {"subscription_at": "2024-02-01T00:00:00Z"}}),
    );
    world.travel_to("2024-03-01");
    let last = world.all_invoices("acme").pop().unwrap();
    // From 9 February 12:00 on: 21 of 29 days of 31.00, 22.4483.
    assert_eq!((&last["issuing_date"], &last["total_amount_cents"]), (&json!("2024-03-01"), &json!(2245)));
}

#[test]
fn overrides_of_a_running_subscription_are_its_own() {
    let world = world();
    world.tax("vat", "20", false);
    for id in ["own", "shared"] {
        world.subscribe(id, "basic");
    }
    let charge = world.get("/plans/basic")["plan"]["charges"][0].clone();
    let overrides = json!({
        "invoice_display_name": "Special", "tax_codes": ["vat"], "amount_cents": 1,
        "charges": [{
            "id": charge["lago_id"], "billable_metric_id": charge["lago_billable_metric_id"], "properties": {"amount": "1"},
        }],
    });
    let updated = world.put("/subscriptions/own", json!({"subscription": {"plan_overrides": overrides}}));
    let plan = &updated["subscription"]["plan"];
    // A plan in use keeps its amount.
    assert_eq!((&plan["amount_cents"], &plan["charges"][0]["properties"]["amount"]), (&json!(3100), &json!("1")));
    assert_eq!((&plan["taxes"][0]["code"], &plan["invoice_display_name"]), (&json!("vat"), &json!("Special")));
    let shared = show(&world, "shared")["plan"].clone();
    assert_eq!((&shared["taxes"], &shared["charges"][0]["properties"]["amount"]), (&json!([]), &json!("0.10")));
    let counts = world.get("/plans/basic")["plan"].clone();
    assert_eq!((&counts["active_subscriptions_count"], &counts["customers_count"]), (&json!(2), &json!(2)));
    let refused = world.refused(
        Method::PUT,
        "/subscriptions/own",
        json!({"subscription": {"plan_overrides": {"charges": [{"id": charge["lago_id"], "properties": {"amount": "1"}}]}}}),
    );
    assert_eq!(refused, r#"404 {"status":404,"error":"Not Found","code":"billable_metrics_not_found"}"#);
    let refused = world.refused(
        Method::POST,
        "/subscriptions",
        json!({"subscription": {
            "external_customer_id": "x", "external_id": "x", "plan_code": "basic", "plan_overrides": {"tax_codes": ["none"]},
        }}),
    );
    assert_eq!(refused, r#"404 {"status":404,"error":"Not Found","code":"tax_not_found"}"#);
}

#[test]
fn both_invoices_of_an_upgrade_in_advance_are_there_at_once() {
    let world = world();
    world.plan("ahead", "31.00 EUR monthly in advance", &[]);
    world.plan("further", "62.00 EUR monthly in advance", &[]);
    world.subscribe("acme", "ahead");
    world.travel_to("2024-01-16T10:00");
    world.subscribe("acme", "further");
    let lines = world.all_invoices("acme");
    // The first one, the last one of the old plan, and the first one of the new: 16 of 31 days.
    let fees: Vec<&Value> = lines.iter().map(|invoice| &invoice["fees_amount_cents"]).collect();
    assert_eq!(fees, [&json!(2200), &json!(0), &json!(3200)]);
}
