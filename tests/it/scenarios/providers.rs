//! Links of customers to payment providers, checkout and portal links, and providers' callbacks, while no provider can be
//! connected (chapter 05, 2.4 and 2.18; chapter 07, part 4; chapter 08, 4.2, 4.6, and 5.2).

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{World, send, shared, url};

/// `billing_configuration` of a customer after a request that says this of it.
fn upserted(world: &World, external_id: &str, billing: Value) -> Value {
    let body = json!({"customer": {"external_id": external_id, "billing_configuration": billing}});
    let answer = world.post("/customers", body);
    assert_eq!(world.get(&format!("/customers/{external_id}"))["customer"], answer["customer"]);
    let mut shown = answer["customer"]["billing_configuration"].clone();
    for other in ["invoice_grace_period", "vat_rate", "document_locale"] {
        assert_eq!(shown.as_object_mut().unwrap().shift_remove(other), Some(Value::Null), "{other}");
    }
    shown
}

#[test]
fn a_customer_shows_its_provider_and_what_is_stored_of_it() {
    let world = World::new("2024-01-01");
    assert_eq!(upserted(&world, "none", json!({})), json!({"payment_provider": null}));
    assert_eq!(upserted(&world, "ignored", json!({"payment_provider": "stripe"})), json!({"payment_provider": null}));
    let linked = json!({
        "payment_provider": "stripe", "provider_customer_id": "stripe_id", "provider_payment_methods": ["card"],
    });
    let asked = json!({
        "payment_provider": "stripe", "provider_customer_id": "stripe_id", "provider_payment_methods": null,
    });
    assert_eq!(upserted(&world, "stripe", asked), linked);
    assert_eq!(upserted(&world, "stripe", json!({"provider_customer_id": "other"})), linked);
    assert_eq!(
        upserted(&world, "stripe", json!({"provider_payment_methods": ["sepa_debit"]}))["provider_payment_methods"],
        json!(["sepa_debit"])
    );
    assert_eq!(
        upserted(&world, "synced", json!({"payment_provider": "gocardless", "sync_with_provider": true, "sync": true})),
        json!({"payment_provider": "gocardless", "provider_customer_id": null, "sync_with_provider": true})
    );
    // The provider without a link.
    upserted(&world, "late", json!({}));
    assert_eq!(
        upserted(&world, "late", json!({"payment_provider": "stripe"})),
        json!({"payment_provider": "stripe", "provider_customer_id": null, "provider_payment_methods": null})
    );
    assert_eq!(
        upserted(&world, "late", json!({"payment_provider": "paypal"})),
        json!({"payment_provider": null}),
        "unknown words clear, as null does"
    );
}

#[test]
fn links_that_are_refused() {
    let world = World::new("2024-01-01");
    let refused = |external_id: &str, billing: Value| {
        let body = json!({"customer": {"external_id": external_id, "billing_configuration": billing}});
        world.refused(Method::POST, "/customers", body)
    };
    let invalid = |details: &str| {
        format!(
            r#"422 {{"status":422,"error":"Unprocessable Entity","code":"validation_errors","error_details":{details}}}"#
        )
    };
    assert_eq!(
        refused("x", json!({"payment_provider": "paypal", "provider_customer_id": "1"})),
        invalid(r#"{"payment_provider":["value_is_invalid"]}"#)
    );
    assert_eq!(
        refused(
            "x",
            json!({"payment_provider": "stripe", "provider_customer_id": "1", "provider_payment_methods": ["cash"]})
        ),
        invalid(r#"{"provider_payment_methods":["is invalid"]}"#)
    );
    // The customer waits for a provider that is not connected: it is told so, and saved (chapter 08, 4.5).
    let not_connected = r#"404 {"status":404,"error":"Not Found","code":"adyen_payment_provider_not_found"}"#;
    let adyen = json!({"payment_provider": "adyen", "sync_with_provider": true, "sync": true});
    assert_eq!(refused("waiting", adyen), not_connected);
    assert_eq!(
        world.get("/customers/waiting")["customer"]["billing_configuration"]["payment_provider"],
        json!("adyen")
    );

    let checkout =
        |external_id: &str| world.ask(Method::POST, &format!("/customers/{external_id}/checkout_url"), None).line();
    let unlinked = invalid(r#"{"base":["no_linked_payment_provider"]}"#);
    world.customer("none", json!({}));
    assert_eq!(checkout("none"), unlinked);
    world.customer("named", json!({}));
    world.customer("named", json!({"billing_configuration": {"payment_provider": "adyen"}}));
    assert_eq!(checkout("named"), unlinked, "a provider without a link");
    assert_eq!(checkout("waiting"), not_connected);
    let gocardless = json!({"payment_provider": "gocardless", "provider_customer_id": "CU1"});
    world.customer("linked", json!({ "billing_configuration": gocardless }));
    assert_eq!(checkout("linked"), unlinked);
    assert_eq!(checkout("unknown"), r#"404 {"status":404,"error":"Not Found","code":"customer_not_found"}"#);
}

#[test]
fn portal_links_name_their_customer_for_twelve_hours() {
    let world = World::new("2024-01-01");
    world.customer("acme", json!({}));
    let link = || {
        let answer = world.get("/customers/acme/portal_url");
        assert_eq!(answer["customer"].as_object().unwrap().len(), 1);
        answer["customer"]["portal_url"].as_str().unwrap().to_owned()
    };
    let first = link();
    assert_ne!(first, link(), "each call gives a new one");
    let token = first.strip_prefix(&url("/customer-portal/")).unwrap_or_else(|| panic!("{first}"));

    let app = shared().host.app();
    let bearer = |token: &str, hours: i64| {
        let opened = app::portal::bearer(app, token, Utc::now() + TimeDelta::hours(hours));
        opened.map(|(organization, customer)| (organization.to_string(), customer.to_string()))
    };
    let customer = world.get("/customers/acme")["customer"]["lago_id"].as_str().unwrap().to_owned();
    let owner = world.organization["lago_id"].as_str().unwrap().to_owned();
    assert_eq!(bearer(token, 0), Some((owner.clone(), customer.clone())));
    assert_eq!(bearer(token, 11), Some((owner, customer)));
    assert_eq!(bearer(token, 13), None, "ended");
    assert_eq!(bearer(&token[1..], 0), None);
    assert_eq!(bearer(&app.secrets.token(&[0; 32]), 0), None, "a document's token opens no portal");
    let document = send("", Method::GET, &format!("/documents/{token}/x.pdf"), None);
    assert_eq!(document.status, 404, "and the other way round");

    // The pages have their own version to come: the link leads nowhere yet, in the words of every unknown path.
    let page = send("", Method::GET, &first, None);
    assert_eq!(page.line(), r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#);
    assert_eq!(
        world.ask(Method::GET, "/customers/nobody/portal_url", None).line(),
        r#"404 {"status":404,"error":"Not Found","code":"customer_not_found"}"#
    );
}

#[test]
fn callbacks_of_providers_are_refused_without_a_word() {
    let world = World::new("2024-01-01");
    let organization = world.organization["lago_id"].as_str().unwrap();
    for provider in ["webhooks/stripe", "webhooks/gocardless", "webhook/gocardless", "webhooks/adyen"] {
        for owner in [organization, "nobody"] {
            let answer = send("", Method::POST, &format!("/{provider}/{owner}"), Some(b"{}".to_vec()));
            assert_eq!(answer.line(), "400 ", "{provider}");
        }
    }
    let unknown = send("", Method::POST, &format!("/webhooks/paypal/{organization}"), Some(b"{}".to_vec()));
    assert_eq!(unknown.line(), r#"404 {"status":404,"error":"Not Found","code":"resource_not_found"}"#);
}
