use super::super::{Birth, CustomerUpdate, Editable, create, edit};
use super::*;
use crate::id::CustomerId;
use crate::time::Instant;
use uuid::Uuid;

/// From words: `stripe`, `id=cus_1`, `id=` (null), `sync`, `nosync`, `wait`, `methods=card+sepa_debit`, `none` (null).
fn asked(words: &str) -> ProviderUpdate {
    let mut update = ProviderUpdate::default();
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("id", id)) => update.customer_id = Some((!id.is_empty()).then(|| id.to_owned())),
            Some(("methods", methods)) => update.payment_methods = methods.split('+').map(str::to_owned).collect(),
            Some(_) => panic!("{word}"),
            None if word == "sync" => update.sync_with_provider = Some(Some(true)),
            None if word == "nosync" => update.sync_with_provider = Some(Some(false)),
            None if word == "wait" => update.sync = Some(true),
            None if word == "none" => update.name = Some(None),
            None => update.name = Some(Some(word.to_owned())),
        }
    }
    update
}

fn shown(customer: &Customer) -> String {
    let provider = customer.payment_provider.map_or("none", Provider::as_str);
    let links = customer.provider_links.iter().map(|link| {
        let (id, methods) = (link.customer_id.as_deref().unwrap_or("-"), link.payment_methods.join("+"));
        format!("; {} {id} {methods}{}", link.provider.as_str(), if link.is_synced { " synced" } else { "" })
    });
    format!("{provider}{}", links.collect::<String>())
}

/// The customer after these requests, one after the other, and what the last one waits for.
fn story(requests: &[&str]) -> String {
    let mut customer: Option<Customer> = None;
    let mut awaited = None;
    for words in requests {
        let external_id = Some("acme".to_owned());
        let input = CustomerUpdate { external_id, provider: asked(words), ..CustomerUpdate::default() };
        let (update, mut ids) = (input.provider.clone(), Uuid::nil);
        let birth =
            Birth { id: CustomerId(Uuid::nil()), sequential_id: 1, prefix: "A", at: Instant::UNIX_EPOCH, seq: 0 };
        let after = match &customer {
            None => create(input, &birth, Vec::new(), &mut ids),
            Some(before) => edit(before, input, Editable::Yes, Vec::new(), Instant::UNIX_EPOCH, &mut ids),
        };
        let after = match after {
            Ok(after) => after,
            Err(problems) => return format!("{problems:?}").replace('"', ""),
        };
        awaited = update.awaited_creation(customer.as_ref(), &after);
        customer = Some(after);
    }
    let waits = awaited.map_or(String::new(), |provider| format!(" (waits for {})", provider.as_str()));
    format!("{}{waits}", shown(&customer.unwrap()))
}

/// Chapter 08, 4.2 and 4.3, every step of both branches.
#[test]
fn links_follow_what_requests_say() {
    let cases: &[(&[&str], &str)] = &[
        // Branch A: a new customer.
        (&[""], "none"),
        (&["none id=cus_1"], "none"),
        (&["stripe"], "none"),
        (&["stripe id="], "none"),
        (&["paypal"], "none"),
        (&["stripe id=cus_1"], "stripe; stripe cus_1 card"),
        (&["stripe id=cus_1 methods=card+sepa_debit"], "stripe; stripe cus_1 card+sepa_debit"),
        (&["stripe sync"], "stripe; stripe - card synced"),
        (&["stripe sync wait"], "stripe; stripe - card synced (waits for stripe)"),
        (&["gocardless sync wait"], "gocardless; gocardless -  synced (waits for gocardless)"),
        (&["adyen sync wait"], "adyen; adyen -  synced (waits for adyen)"),
        (&["adyen id=a1 sync wait"], "adyen; adyen a1  synced"),
        (&["adyen id=a1 methods=cash"], "adyen; adyen a1 "),
        // Branch A again: asks to be made at the provider, and has no id there.
        (&["", "stripe sync"], "stripe; stripe - card synced"),
        (&["stripe sync", "stripe sync wait"], "stripe; stripe - card synced (waits for stripe)"),
        (&["stripe sync", "adyen sync"], "adyen; stripe - card synced; adyen -  synced"),
        (&["stripe sync", "sync"], "stripe; stripe - card synced"),
        // Branch B: the provider is what was sent, unknown words clear it.
        (&["", "stripe"], "stripe"),
        (&["", "paypal"], "none"),
        (&["", "stripe", "paypal"], "none"),
        (&["stripe id=cus_1", "none"], "none; stripe cus_1 card"),
        (&["stripe id=cus_1", "none", "stripe"], "stripe; stripe cus_1 card"),
        (&["", "id=cus_1"], "none"),
        (&["", "stripe id=cus_1"], "stripe; stripe cus_1 card"),
        (&["", "stripe", "id=cus_1 nosync"], "stripe; stripe cus_1 card"),
        (&["stripe id=cus_1", ""], "stripe; stripe cus_1 card"),
        (&["stripe id=cus_1", "id=cus_2"], "stripe; stripe cus_1 card"),
        (&["stripe id=cus_1", "stripe id=cus_2 sync wait"], "stripe; stripe cus_1 card"),
        (&["stripe id=cus_1", "methods=sepa_debit"], "stripe; stripe cus_1 sepa_debit"),
        (&["stripe id=cus_1 methods=sepa_debit", "id=cus_1"], "stripe; stripe cus_1 sepa_debit"),
        (&["stripe id=cus_1", "gocardless"], "gocardless; stripe cus_1 card"),
        (&["stripe id=cus_1", "gocardless sync wait"], "gocardless; stripe cus_1 card"),
        (&["stripe id=cus_1", "gocardless id=CU1"], "gocardless; stripe cus_1 card; gocardless CU1 "),
        (&["stripe sync methods=sepa_debit", "id=cus_1"], "stripe; stripe cus_1 card synced"),
    ];
    for (requests, expected) in cases {
        assert_eq!(story(requests), *expected, "{requests:?}");
    }
}

#[test]
fn unknown_words_are_refused_where_they_would_be_stored() {
    let provider = story(&["paypal sync"]);
    assert!(provider.contains("payment_provider") && provider.contains("value_is_invalid"), "{provider}");
    for requests in [&["stripe id=cus_1 methods=cash"][..], &["stripe id=cus_1", "methods=cash"]] {
        let methods = story(requests);
        assert!(methods.contains("provider_payment_methods") && methods.contains("is invalid"), "{methods}");
    }
}
