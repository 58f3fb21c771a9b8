#![allow(clippy::unwrap_used)]

use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;

fn sent(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
}

fn acme() -> Organization {
    let new = NewOrganization { name: Some("Acme".to_owned()), ..NewOrganization::default() };
    let id = OrganizationId(Uuid::from_u128(0x1a2b));
    create(new, id, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::from_u128(1))).unwrap()
}

fn edited(update: SettingsUpdate) -> Result<Organization, Problems> {
    edit(&acme(), update, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::from_u128(1)))
}

#[test]
fn a_new_organization_has_the_chapters_defaults() {
    let organization = acme();
    assert_eq!(organization.document_number_prefix, "ACM-1A2B");
    assert_eq!((organization.default_currency, organization.timezone), (Currency::USD, Zone::UTC));
    assert_eq!((organization.net_payment_term, organization.invoice_grace_period), (0, 0));
    assert_eq!(organization.document_locale, "en");
    assert_eq!(organization.test_clock, None);
}

#[test]
fn a_sandbox_is_as_old_as_its_clock() {
    let frozen: Instant = "2023-02-06T01:00:00Z".parse().unwrap();
    let new = NewOrganization { name: Some("Acme".into()), frozen_time: Some(frozen), ..NewOrganization::default() };
    let made = create(new, acme().id, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::nil())).unwrap();
    assert_eq!(made.test_clock, Some(TestClock { frozen_time: frozen, advancing_to: None }));
    assert_eq!(made.created_at, frozen);
}

#[test]
fn a_name_is_mandatory_and_reported_with_everything_else() {
    let settings = SettingsUpdate { timezone: Some("Mars/Phobos".into()), ..SettingsUpdate::default() };
    let new = NewOrganization { name: Some(" ".into()), settings, frozen_time: None };
    let made = create(new, acme().id, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::nil()));
    let mut expected = Problems::one("name", codes::MANDATORY);
    expected.add("timezone", codes::INVALID_TIMEZONE);
    assert_eq!(made, Err(expected));
}

#[test]
fn every_setting_has_its_code() {
    let check = |set: &dyn Fn(&mut SettingsUpdate), field: &str, code: &str| {
        let mut update = SettingsUpdate::default();
        set(&mut update);
        let expected = if code.is_empty() { None } else { Some(Problems::one(field, code)) };
        assert_eq!(edited(update).err(), expected, "{field}");
    };
    check(&|to| to.identity.country = sent("fr"), "country", "");
    check(&|to| to.identity.country = sent("FRA"), "country", "not_a_valid_country_code");
    check(&|to| to.identity.email = sent("billing@acme.example"), "email", "");
    check(&|to| to.identity.email = sent("a@b.c,d@e.f"), "email", "invalid_email_format");
    check(&|to| to.identity.email = sent("acme"), "email", "invalid_email_format");
    check(&|to| to.identity.email = sent("acme@-x.de"), "email", "invalid_email_format");
    check(&|to| to.default_currency = Some("eur".into()), "default_currency", "");
    check(&|to| to.default_currency = Some("KWD".into()), "default_currency", "value_is_invalid");
    check(&|to| to.timezone = Some("Europe/Paris".into()), "timezone", "");
    check(&|to| to.timezone = Some("europe/paris".into()), "timezone", "invalid_timezone");
    check(&|to| to.email_settings = Some(vec!["invoice.finalized".into()]), "email_settings", "");
    check(&|to| to.email_settings = Some(vec!["invoice.paid".into()]), "email_settings", "unsupported_value");
    check(&|to| to.document_number_prefix = Some("0123456789".into()), "document_number_prefix", "");
    check(&|to| to.document_number_prefix = Some("0123456789a".into()), "document_number_prefix", "value_is_too_long");
    let too_short = "is too short (minimum is 1 character)";
    check(&|to| to.document_number_prefix = Some(String::new()), "document_number_prefix", too_short);
    check(&|to| to.invoice_footer = sent(&"é".repeat(600)), "invoice_footer", "");
    check(&|to| to.invoice_footer = sent(&"é".repeat(601)), "invoice_footer", "value_is_too_long");
    check(&|to| to.document_locale = Some("fr".into()), "document_locale", "");
    check(&|to| to.document_locale = Some("fr-FR".into()), "document_locale", "not_a_valid_language_code");
    check(&|to| to.vat_rate = Some(dec!(100)), "vat_rate", "");
    check(&|to| to.vat_rate = Some(dec!(100.1)), "vat_rate", "value_is_out_of_range");
    check(&|to| to.vat_rate = Some(dec!(-1)), "vat_rate", "value_is_out_of_range");
    check(&|to| to.webhook_url = Some("https://acme.example/hook".into()), "webhook_url", "");
    check(&|to| to.webhook_url = Some("acme.example".into()), "webhook_url", "url_is_invalid");
    check(&|to| to.webhook_url = Some("http://10.0.0.1/".into()), "webhook_url", "url_is_invalid");
}

#[test]
fn values_are_taken_over_in_upper_case_where_the_chapter_says_so() {
    let mut update = SettingsUpdate {
        default_currency: Some("eur".into()),
        document_number_prefix: Some("acme-é".into()),
        invoice_footer: sent("Thanks"),
        ..SettingsUpdate::default()
    };
    update.identity.country = sent("fr");
    let organization = edited(update).unwrap();
    assert_eq!(organization.default_currency, Currency::EUR);
    assert_eq!(organization.document_number_prefix, "ACME-É");
    assert_eq!(organization.identity.country.as_deref(), Some("FR"));
    let cleared = SettingsUpdate { invoice_footer: Some(None), ..SettingsUpdate::default() };
    let organization =
        edit(&organization, cleared, Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::nil())).unwrap();
    assert_eq!(organization.invoice_footer, None);
}

#[test]
fn the_legacy_webhook_url_is_that_of_the_first_endpoint() {
    let url = |url: &str| SettingsUpdate { webhook_url: Some(url.to_owned()), ..SettingsUpdate::default() };
    let set = |organization: &Organization, to: &str| {
        edit(organization, url(to), Instant::UNIX_EPOCH, Targets::Public, &mut || EndpointId(Uuid::from_u128(9)))
    };
    let mut organization = set(&acme(), "https://a.example").unwrap();
    assert_eq!(organization.endpoints[0].signature_algorithm, SignatureAlgorithm::Jwt);
    organization.endpoints.push(Endpoint {
        id: EndpointId(Uuid::from_u128(10)),
        url: "https://b.example".into(),
        ..organization.endpoints[0].clone()
    });
    assert_eq!(set(&organization, "https://b.example"), Err(Problems::one("webhook_url", codes::EXISTS)));
    let moved = set(&organization, "https://c.example").unwrap();
    assert_eq!(moved.endpoints[0].id, EndpointId(Uuid::from_u128(9)));
    let urls: Vec<&str> = moved.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(urls, ["https://c.example", "https://b.example"]);
}
