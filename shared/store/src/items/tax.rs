//! Stored forms of taxes and of their snapshots on fees and invoices.

use domain::id::{AppliedTaxId, TaxId};
use domain::tax::{FeeTax, InvoiceTax, Tax};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of a tax.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredTax {
    id: Text<TaxId>,
    name: String,
    code: String,
    rate: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    applied_to_organization: bool,
    created_at: Micros,
    created_seq: i64,
}

impl From<&Tax> for StoredTax {
    fn from(tax: &Tax) -> Self {
        let Tax { id, name, code, rate, description, applied_to_organization, created_at, created_seq } = tax.clone();
        StoredTax {
            id: Text(id),
            name,
            code,
            rate: Text(rate),
            description,
            applied_to_organization,
            created_at: Micros(created_at),
            created_seq,
        }
    }
}

impl From<StoredTax> for Tax {
    fn from(stored: StoredTax) -> Self {
        Tax {
            id: stored.id.0,
            name: stored.name,
            code: stored.code,
            rate: stored.rate.0,
            description: stored.description,
            applied_to_organization: stored.applied_to_organization,
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
        }
    }
}

impl Record for Tax {
    const KIND: &'static str = "tax";
    const SCHEMA: u32 = 1;
    type Stored = StoredTax;

    fn key(&self, scope: Scope) -> Key {
        keys::tax(scope.organization, self.id)
    }

    fn entries(&self, _: Scope) -> Vec<IndexEntry> {
        Vec::new()
    }

    fn to_stored(&self) -> StoredTax {
        self.into()
    }

    fn from_stored(stored: StoredTax) -> Result<Self, DecodeError> {
        Ok(stored.into())
    }
}

/// The stored form of a tax on a fee.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredFeeTax {
    id: Text<AppliedTaxId>,
    tax_id: Text<TaxId>,
    code: String,
    name: String,
    rate: Text<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    amount_cents: i64,
}

impl From<&FeeTax> for StoredFeeTax {
    fn from(tax: &FeeTax) -> Self {
        let FeeTax { id, tax_id, code, name, rate, description, amount_cents } = tax.clone();
        StoredFeeTax { id: Text(id), tax_id: Text(tax_id), code, name, rate: Text(rate), description, amount_cents }
    }
}

impl From<StoredFeeTax> for FeeTax {
    fn from(stored: StoredFeeTax) -> Self {
        FeeTax {
            id: stored.id.0,
            tax_id: stored.tax_id.0,
            code: stored.code,
            name: stored.name,
            rate: stored.rate.0,
            description: stored.description,
            amount_cents: stored.amount_cents,
        }
    }
}

/// The stored form of a tax on an invoice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredInvoiceTax {
    tax: StoredFeeTax,
    fees_amount_cents: i64,
}

impl From<&InvoiceTax> for StoredInvoiceTax {
    fn from(row: &InvoiceTax) -> Self {
        let InvoiceTax { tax, fees_amount_cents } = row;
        StoredInvoiceTax { tax: tax.into(), fees_amount_cents: *fees_amount_cents }
    }
}

impl From<StoredInvoiceTax> for InvoiceTax {
    fn from(stored: StoredInvoiceTax) -> Self {
        InvoiceTax { tax: stored.tax.into(), fees_amount_cents: stored.fees_amount_cents }
    }
}
