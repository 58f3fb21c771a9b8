#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;

use super::*;

fn sent(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
}

fn ids() -> impl FnMut() -> Uuid {
    let mut last = 0;
    move || {
        last += 1;
        Uuid::from_u128(last)
    }
}

fn made(input: CustomerUpdate) -> Result<Customer, Problems> {
    let birth = Birth {
        id: CustomerId(Uuid::from_u128(7)),
        sequential_id: 1,
        prefix: "ACM-1A2B",
        at: Instant::UNIX_EPOCH,
        seq: 1,
    };
    create(input, &birth, Vec::new(), &mut ids())
}

fn named(external_id: &str) -> CustomerUpdate {
    CustomerUpdate { external_id: Some(external_id.to_owned()), ..CustomerUpdate::default() }
}

fn entry(id: Option<MetadataId>, key: &str, value: &str) -> MetadataEntry {
    MetadataEntry { id, key: sent(key), value: sent(value), display_in_invoice: None }
}

#[test]
fn a_customer_needs_nothing_but_its_external_id() {
    let customer = made(named("acme")).unwrap();
    assert_eq!((customer.slug.as_str(), customer.name), ("ACM-1A2B-001", None));
    assert_eq!(made(named(" ")), Err(Problems::one("external_id", codes::MANDATORY)));
    assert_eq!(slug("ACM-1A2B", 1234), "ACM-1A2B-1234");
}

#[test]
fn every_field_has_its_code() {
    let check = |set: &dyn Fn(&mut CustomerUpdate), field: &str, code: &str| {
        let mut input = named("acme");
        set(&mut input);
        let expected = if code.is_empty() { None } else { Some(Problems::one(field, code)) };
        assert_eq!(made(input).err(), expected, "{field}");
    };
    check(&|to| to.identity.country = sent("us"), "country", "");
    check(&|to| to.identity.country = sent("XX"), "country", "not_a_valid_country_code");
    check(&|to| to.identity.email = sent("a@b.c, no address"), "email", "");
    check(&|to| to.currency = sent("EUR"), "currency", "");
    check(&|to| to.currency = sent("eur"), "currency", "value_is_invalid");
    check(&|to| to.timezone = sent("Europe/Paris"), "timezone", "");
    check(&|to| to.timezone = sent(""), "timezone", "");
    check(&|to| to.timezone = sent("Paris"), "timezone", "invalid_timezone");
    check(&|to| to.document_locale = sent("fr"), "document_locale", "");
    check(&|to| to.document_locale = sent("xx"), "document_locale", "not_a_valid_language_code");
    check(&|to| to.vat_rate = Some(dec!(20)), "vat_rate", "");
    check(&|to| to.vat_rate = Some(dec!(101)), "vat_rate", "value_is_out_of_range");
    check(&|to| to.provider.name = sent("paypal"), "payment_provider", "");
    let linked = |to: &mut CustomerUpdate, name: &str| {
        to.provider.name = sent(name);
        to.provider.customer_id = sent("cus_1");
    };
    check(&|to| linked(to, "stripe"), "payment_provider", "");
    check(&|to| linked(to, "paypal"), "payment_provider", "value_is_invalid");
    let methods = |to: &mut CustomerUpdate, method: &str| {
        linked(to, "stripe");
        to.provider.payment_methods = vec![method.to_owned()];
    };
    check(&|to| methods(to, "sepa_debit"), "provider_payment_methods", "");
    check(&|to| methods(to, "cash"), "provider_payment_methods", "is invalid");
}

#[test]
fn null_clears_and_absence_leaves() {
    let mut input = named("acme");
    input.name = sent("Acme");
    input.phone = sent("1");
    input.net_payment_term = Some(Some(0));
    let customer = made(input).unwrap();
    let update = CustomerUpdate { phone: Some(None), net_payment_term: Some(None), ..CustomerUpdate::default() };
    let later = Instant::UNIX_EPOCH + chrono::TimeDelta::seconds(5);
    let edited = edit(&customer, update, Editable::Yes, Vec::new(), later, &mut ids()).unwrap();
    assert_eq!((edited.name.as_deref(), edited.phone, edited.net_payment_term), (Some("Acme"), None, None));
    assert_eq!((edited.created_at, edited.updated_at), (customer.created_at, later));
}

#[test]
fn taxes_are_replaced_by_a_list_that_is_not_empty() {
    let tax = TaxId(Uuid::from_u128(3));
    let mut customer = made(named("acme")).unwrap();
    customer.tax_ids = vec![tax];
    let edited = |tax_ids| {
        let input = CustomerUpdate::default();
        edit(&customer, input, Editable::Yes, tax_ids, Instant::UNIX_EPOCH, &mut ids()).unwrap().tax_ids
    };
    assert_eq!(edited(Vec::new()), [tax]);
    let other = TaxId(Uuid::from_u128(4));
    assert_eq!(edited(vec![other]), [other]);
}

#[test]
fn the_currency_is_locked_once_something_has_one() {
    let check = |present: Option<Currency>, sent: Option<&str>, editable, expected: Result<Option<Currency>, &str>| {
        let mut customer = made(named("acme")).unwrap();
        customer.currency = present;
        let update = CustomerUpdate { currency: Some(sent.map(str::to_owned)), ..CustomerUpdate::default() };
        let edited = edit(&customer, update, editable, Vec::new(), Instant::UNIX_EPOCH, &mut ids());
        let expected = expected.map_err(|code| Problems::one("currency", code));
        assert_eq!(edited.map(|customer| customer.currency), expected);
    };
    check(None, Some("EUR"), Editable::Yes, Ok(Some(Currency::EUR)));
    check(Some(Currency::USD), Some("EUR"), Editable::Yes, Ok(Some(Currency::EUR)));
    check(Some(Currency::USD), None, Editable::Yes, Ok(None));
    check(Some(Currency::EUR), Some("EUR"), Editable::No, Ok(Some(Currency::EUR)));
    check(None, None, Editable::No, Ok(None));
    check(Some(Currency::USD), Some("EUR"), Editable::No, Err(codes::CURRENCIES_DIFFER));
    check(None, Some("EUR"), Editable::No, Err(codes::CURRENCIES_DIFFER));
    check(Some(Currency::USD), None, Editable::No, Err(codes::CURRENCIES_DIFFER));
    check(Some(Currency::USD), Some("XXX"), Editable::No, Err(codes::INVALID));
}

#[test]
fn metadata_entries_are_checked_one_by_one_and_counted_first() {
    let check = |entries: Vec<MetadataEntry>, expected: &[(&str, &str)]| {
        let found = made(CustomerUpdate { metadata: Some(entries), ..named("acme") }).err().unwrap_or_default();
        let mut problems = Problems::default();
        for (field, code) in expected {
            problems.add(field, code);
        }
        assert_eq!(found, problems);
    };
    let five = |_| (0..5).map(|at| entry(None, &format!("key {at}"), "x")).collect::<Vec<_>>();
    check(five(()), &[]);
    check([five(()), vec![entry(None, "", "")]].concat(), &[("metadata", codes::INVALID_COUNT)]);
    check(vec![entry(None, "", "")], &[("key", codes::MANDATORY), ("value", codes::MANDATORY)]);
    check(vec![MetadataEntry::default()], &[("key", codes::MANDATORY), ("value", codes::MANDATORY)]);
    check(vec![entry(None, &"é".repeat(20), &"é".repeat(40))], &[]);
    check(vec![entry(None, &"k".repeat(21), "x")], &[("key", codes::TOO_LONG)]);
    check(vec![entry(None, "k", &"x".repeat(41))], &[("value", codes::TOO_LONG)]);
    check(vec![entry(None, "k", "x"), entry(None, "k", "y")], &[("key", codes::EXISTS)]);
}

#[test]
fn metadata_is_the_complete_wanted_list() {
    let metadata = Some(vec![entry(None, "a", "1"), entry(None, "b", "2")]);
    let customer = made(CustomerUpdate { metadata, ..named("acme") }).unwrap();
    let b = customer.metadata[1].id;
    let after = |metadata: Option<Vec<MetadataEntry>>| {
        let mut next = 100;
        let mut new_id = || {
            next += 1;
            Uuid::from_u128(next)
        };
        let input = CustomerUpdate { metadata, ..CustomerUpdate::default() };
        edit(&customer, input, Editable::No, Vec::new(), Instant::UNIX_EPOCH, &mut new_id).map(|customer| {
            customer.metadata.into_iter().map(|entry| format!("{}={}", entry.key, entry.value)).collect::<Vec<_>>()
        })
    };
    assert_eq!(after(None).unwrap(), ["a=1", "b=2"]);
    assert_eq!(after(Some(Vec::new())).unwrap(), [""; 0]);
    assert_eq!(after(Some(vec![entry(Some(b), "b", "3"), entry(None, "c", "4")])).unwrap(), ["b=3", "c=4"]);
    let value_only = MetadataEntry { key: None, ..entry(Some(b), "", "5") };
    assert_eq!(after(Some(vec![value_only])).unwrap(), ["b=5"]);
    assert_eq!(after(Some(vec![entry(None, "a", "9")])), Err(Problems::one("key", codes::EXISTS)));
    let null_key = MetadataEntry { key: Some(None), ..entry(Some(b), "", "5") };
    assert_eq!(after(Some(vec![null_key])), Err(Problems::one("key", codes::MANDATORY)));
}
