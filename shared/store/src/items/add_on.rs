//! Stored form of an add-on.

use domain::add_on::AddOn;
use domain::id::{AddOnId, TaxId};
use domain::money::Currency;
use serde::{Deserialize, Serialize};

use super::form::{Micros, Text, at, of_texts, texts_of};
use crate::keys;
use crate::record::{DecodeError, Record, Scope};
use crate::table::{IndexEntry, Key};

/// The stored form of an add-on.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredAddOn {
    id: Text<AddOnId>,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    amount_cents: i64,
    currency: Text<Currency>,
    tax_ids: Vec<Text<TaxId>>,
    created_at: Micros,
    created_seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Micros>,
}

impl From<&AddOn> for StoredAddOn {
    fn from(add_on: &AddOn) -> Self {
        let AddOn {
            id,
            name,
            code,
            invoice_display_name,
            description,
            amount_cents,
            currency,
            tax_ids,
            created_at,
            created_seq,
            deleted_at,
        } = add_on;
        StoredAddOn {
            id: Text(*id),
            name: name.clone(),
            code: code.clone(),
            invoice_display_name: invoice_display_name.clone(),
            description: description.clone(),
            amount_cents: *amount_cents,
            currency: Text(*currency),
            tax_ids: texts_of(tax_ids),
            created_at: Micros(*created_at),
            created_seq: *created_seq,
            deleted_at: deleted_at.map(Micros),
        }
    }
}

impl Record for AddOn {
    const KIND: &'static str = "add_on";
    const SCHEMA: u32 = 1;
    type Stored = StoredAddOn;

    fn key(&self, scope: Scope) -> Key {
        keys::add_on(scope.organization, self.id)
    }

    fn entries(&self, scope: Scope) -> Vec<IndexEntry> {
        match self.deleted_at {
            Some(_) => Vec::new(),
            None => vec![keys::in_list(scope.organization, keys::ADD_ONS, self.created_at, self.created_seq)],
        }
    }

    fn to_stored(&self) -> StoredAddOn {
        self.into()
    }

    fn from_stored(stored: StoredAddOn) -> Result<Self, DecodeError> {
        Ok(AddOn {
            id: stored.id.0,
            name: stored.name,
            code: stored.code,
            invoice_display_name: stored.invoice_display_name,
            description: stored.description,
            amount_cents: stored.amount_cents,
            currency: stored.currency.0,
            tax_ids: of_texts(stored.tax_ids),
            created_at: stored.created_at.0,
            created_seq: stored.created_seq,
            deleted_at: at(stored.deleted_at),
        })
    }
}
