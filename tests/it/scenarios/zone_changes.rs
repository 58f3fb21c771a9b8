//! Changes of time zone: no period twice, none left out (chapter 02, 5.6).

use expect_test::expect;
use serde_json::{Value, json};

use super::world::World;
use super::{calls, hundred};

fn move_to(world: &World, customer: &str, zone: &str) {
    world.customer(customer, json!({ "timezone": zone }));
}

#[test]
fn a_month_that_was_billed_is_not_billed_again_when_its_end_comes_in_another_zone() {
    let world = calls("2024-01-10T12:00");
    hundred(&world, "monthly");
    world.customer("west", json!({}));
    world.subscribe("west", "hundred");
    world.usage(
        "west",
        "calls",
        &[("2024-02-01T03:00", json!({})), ("2024-02-29T12:00", json!({})), ("2024-03-01T04:00", json!({}))],
    );
    // January was billed at its end in UTC; four hours later it is still January in Los Angeles.
    world.travel_to("2024-02-01T04:00");
    move_to(&world, "west", "America/Los_Angeles");
    world.travel_to("2024-03-02");
    expect![[r#"
        2024-02-01 finalized 70.97 EUR
          hundred 2024-01-10..2024-01-31: 70.97
          calls 2024-01-10T12:00:00..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.30 EUR
          hundred 2024-02-01T08:00:00..2024-03-01T07:59:59: 100.00
          calls 2024-02-01..2024-03-01T07:59:59 3.0 units, 3 events: 0.30
    "#]]
    .assert_eq(&world.invoices("west"));
}

#[test]
fn a_month_paid_in_advance_is_not_paid_again() {
    let world = calls("2024-01-31T16:00");
    hundred(&world, "monthly in advance");
    world.customer("east", json!({"timezone": "Asia/Tokyo"}));
    // It is 1 February there: February is paid.
    world.subscribe("east", "hundred");
    world.travel_to("2024-01-31T20:00");
    move_to(&world, "east", "UTC");
    world.travel_to("2024-03-02");
    expect![[r#"
        2024-02-01 finalized 100.00 EUR
          hundred 2024-01-31T15:00:00..2024-02-29T14:59:59: 100.00
        2024-02-01 finalized 0.00 EUR
          calls 2024-01-31T16:00:00..2024-01-31 0.0 units, 0 events: 0.00
        2024-03-01 finalized 100.00 EUR
          hundred 2024-03-01..2024-03-31: 100.00
          calls 2024-02-01..2024-02-29 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("east"));
}

#[test]
fn an_anniversary_whose_date_changes_with_the_zone_goes_on() {
    let world = calls("2024-01-15T02:00");
    hundred(&world, "monthly");
    // The 14th in Los Angeles, the 15th in UTC.
    world.customer("acme", json!({"timezone": "America/Los_Angeles"}));
    world.subscribe_with("acme", "hundred", json!({"billing_time": "anniversary"}));
    world.travel_to("2024-02-20");
    move_to(&world, "acme", "UTC");
    world.travel_to("2024-04-20");
    expect![[r#"
        2024-02-14 finalized 100.00 EUR
          hundred 2024-01-14T08:00:00..2024-02-14T07:59:59: 100.00
          calls 2024-01-15T02:00:00..2024-02-14T07:59:59 0.0 units, 0 events: 0.00
        2024-03-15 finalized 100.00 EUR
          hundred 2024-02-15..2024-03-14: 100.00
          calls 2024-02-14T08:00:00..2024-03-14 0.0 units, 0 events: 0.00
        2024-04-15 finalized 100.00 EUR
          hundred 2024-03-15..2024-04-14: 100.00
          calls 2024-03-15..2024-04-14 0.0 units, 0 events: 0.00
    "#]]
    .assert_eq(&world.invoices("acme"));
}

#[test]
fn a_customer_of_many_subscriptions_moves_as_a_whole() {
    let world = calls("2024-01-10");
    world.plan("seat", "1.00 EUR monthly", &[]);
    world.customer("acme", json!({"timezone": "UTC"}));
    for number in 0..130 {
        let mut more = json!({"external_id": format!("seat-{number}")});
        if number % 10 == 0 {
            more["ending_at"] = json!("2024-03-10T02:00:00Z");
        }
        world.subscribe_with("acme", "seat", more);
    }
    move_to(&world, "acme", "America/Los_Angeles");
    world.settle();
    world.travel_to("2024-02-02");
    world.travel_to("2024-03-12");
    // The first of the month begins at 08:00 UTC for all of them; the planned ends come on 9 March, local date.
    let invoices = world.all_invoices("acme");
    let billed: Vec<(String, usize)> = invoices
        .iter()
        .map(|invoice| {
            (invoice["issuing_date"].as_str().unwrap().to_owned(), invoice["subscriptions"].as_array().unwrap().len())
        })
        .collect();
    let count = |date: &str| billed.iter().filter(|(issued, _)| issued == date).map(|(_, count)| count).sum::<usize>();
    assert_eq!((count("2024-02-01"), count("2024-03-01"), count("2024-03-09"), billed.len()), (130, 130, 13, 15));
    for invoice in &invoices[..2] {
        for fee in invoice["fees"].as_array().unwrap() {
            assert!(fee["to_date"].as_str().unwrap().ends_with("T07:59:59+00:00"), "{fee}");
        }
    }
    let terminated = world.get("/subscriptions?status[]=terminated&per_page=200");
    for ended in terminated["subscriptions"].as_array().unwrap() {
        assert_eq!(ended["terminated_at"], Value::from("2024-03-09T08:05:00Z"));
    }
}

#[test]
fn an_organization_moves_with_all_customers_that_have_no_zone_of_their_own() {
    let world = calls("2024-01-10");
    world.plan("seat", "31.00 EUR monthly", &[]);
    world.customer("own", json!({"timezone": "UTC"}));
    world.subscribe("own", "seat");
    world.subscribe("shared", "seat");
    world.put("/organizations", json!({"organization": {"timezone": "Asia/Tokyo"}}));
    world.settle();
    world.travel_to("2024-01-31T14:59:59");
    assert_eq!((world.invoices("own"), world.invoices("shared")), (String::new(), String::new()));
    world.travel_to("2024-01-31T15:00");
    expect![[r#"
        2024-02-01 finalized 22.00 EUR
          seat 2024-01-09T15:00:00..2024-01-31T14:59:59: 22.00
    "#]]
    .assert_eq(&world.invoices("shared"));
    assert_eq!(world.invoices("own"), "");
    world.travel_to("2024-02-01");
    expect![[r#"
        2024-02-01 finalized 22.00 EUR
          seat 2024-01-10..2024-01-31: 22.00
    "#]]
    .assert_eq(&world.invoices("own"));
}
