//! Objects that tests of several outputs show.

use domain::customer::Customer;
use domain::id::{CustomerId, OrganizationId};
use domain::money::Currency;
use domain::organization::{DocumentNumbering, Organization};
use domain::time::{Instant, Zone};
use uuid::Uuid;

/// The customer of the worked example of chapter 06, 12.
pub(crate) fn customer() -> Customer {
    Customer {
        id: CustomerId(Uuid::from_u128(0xe)),
        external_id: "cus_1".into(),
        sequential_id: 1,
        slug: "ACM-1A2B-001".into(),
        name: Some("Acme".into()),
        identity: domain::organization::Identity::default(),
        url: None,
        phone: None,
        logo_url: None,
        external_salesforce_id: None,
        currency: None,
        timezone: None,
        net_payment_term: None,
        invoice_grace_period: None,
        document_locale: None,
        payment_provider: None,
        provider_links: Vec::new(),
        tax_ids: Vec::new(),
        metadata: Vec::new(),
        last_invoice_sequence: 2,
        created_at: Instant::UNIX_EPOCH,
        updated_at: Instant::UNIX_EPOCH,
        created_seq: 1,
        is_currency_fixed: false,
        deleted_at: None,
    }
}

/// Its organization.
pub(crate) fn organization() -> Organization {
    Organization {
        id: OrganizationId(Uuid::from_u128(0x0)),
        name: "Acme".into(),
        identity: domain::organization::Identity::default(),
        default_currency: Currency::EUR,
        timezone: Zone::UTC,
        net_payment_term: 0,
        invoice_grace_period: 0,
        email_settings: Vec::new(),
        document_locale: "en".into(),
        invoice_footer: None,
        document_numbering: DocumentNumbering::PerCustomer,
        document_number_prefix: "ACM-1A2B".into(),
        endpoints: Vec::new(),
        test_clock: None,
        created_at: Instant::UNIX_EPOCH,
    }
}
