//! Small values in stored forms: one text, or one number, each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use domain::billing::Change;
use domain::charge::ChargeModel;
use domain::customer::Provider;
use domain::id::{
    AddOnId, ApiKeyId, AppliedCouponId, AppliedTaxId, ChargeId, CouponId, CreditId, CreditNoteId, CreditNoteItemId,
    CustomerId, EndpointId, EventId, FeeId, GroupId, InvoiceId, MetadataId, MetricId, OrganizationId, PlanId,
    SubscriptionId, TaxId, WalletId, WalletRuleId, WalletTransactionId, WebhookId,
};
use domain::metric::{AggregationType, WeightedInterval};
use domain::money::Currency;
use domain::time::{BillingTime, Instant, Interval, Zone};
use domain::value::Value;
use rust_decimal::Decimal;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A value with one text form, by which it is stored.
pub(super) trait TextForm: Sized {
    /// Its text.
    fn to_text(&self) -> String;
    /// The value of a text; none if it is not one's text.
    fn from_text(text: &str) -> Option<Self>;
}

/// A value that is stored as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub T);

impl<T: TextForm> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_text())
    }
}

impl<'de, T: TextForm> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(std::marker::PhantomData<T>);
        impl<T: TextForm> Visitor<'_> for TextVisitor<T> {
            type Value = Text<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "the text of a {}", std::any::type_name::<T>())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<T>, E> {
                // The text itself stays out of the message: errors never hold content.
                let unknown = || E::custom(format!("no text of a {}", std::any::type_name::<T>()));
                T::from_text(text).map(Text).ok_or_else(unknown)
            }
        }
        deserializer.deserialize_str(TextVisitor(std::marker::PhantomData))
    }
}

/// Types whose `Display` (or method) and `FromStr` are their stored text.
macro_rules! texts {
    ($($type:ty => $to_text:expr;)*) => {$(
        impl TextForm for $type {
            fn to_text(&self) -> String {
                let to_text: fn($type) -> String = $to_text;
                to_text(*self)
            }

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

texts! {
    Decimal => |value| value.to_string();
    Currency => |currency| currency.code().to_owned();
    Interval => |interval| interval.as_str().to_owned();
    BillingTime => |time| time.as_str().to_owned();
    ChargeModel => |model| model.as_str().to_owned();
    AggregationType => |aggregation| aggregation.as_str().to_owned();
    Provider => |provider| provider.as_str().to_owned();
    chrono::NaiveDate => |date| date.to_string();
    OrganizationId => |id| id.to_string();
    CustomerId => |id| id.to_string();
    MetricId => |id| id.to_string();
    GroupId => |id| id.to_string();
    PlanId => |id| id.to_string();
    ChargeId => |id| id.to_string();
    TaxId => |id| id.to_string();
    SubscriptionId => |id| id.to_string();
    InvoiceId => |id| id.to_string();
    FeeId => |id| id.to_string();
    AppliedTaxId => |id| id.to_string();
    MetadataId => |id| id.to_string();
    EndpointId => |id| id.to_string();
    WebhookId => |id| id.to_string();
    ApiKeyId => |id| id.to_string();
    EventId => |id| id.to_string();
    AddOnId => |id| id.to_string();
    CouponId => |id| id.to_string();
    AppliedCouponId => |id| id.to_string();
    CreditNoteId => |id| id.to_string();
    CreditNoteItemId => |id| id.to_string();
    CreditId => |id| id.to_string();
    WalletId => |id| id.to_string();
    WalletTransactionId => |id| id.to_string();
    WalletRuleId => |id| id.to_string();
}

impl TextForm for Zone {
    fn to_text(&self) -> String {
        self.name().to_owned()
    }

    fn from_text(text: &str) -> Option<Self> {
        Zone::parse(text).ok()
    }
}

/// Enums and the words by which they are stored: a new variant does not compile until it has one.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::items::form::TextForm for $type {
            fn to_text(&self) -> String {
                match self {
                    $(<$type>::$variant => $word,)+
                }
                .to_owned()
            }

            fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(<$type>::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use words;

words!(Change { Upgrade = "upgrade", Downgrade = "downgrade" });
words!(WeightedInterval { Seconds = "seconds" });

/// An instant, stored as whole microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Micros(pub Instant);

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.timestamp_micros())
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        DateTime::from_timestamp_micros(micros).map(Micros).ok_or_else(|| D::Error::custom("no instant"))
    }
}

/// Bytes, stored in Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Base64).map_err(|_| D::Error::custom("no Base64"))
    }
}

/// A free-form value, stored as the JSON that it came from: numbers keep their digits, maps their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Json(pub Value);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JsonRef(&self.0).serialize(serializer)
    }
}

/// A borrowed `Json`, to write only.
struct JsonRef<'a>(&'a Value);

impl Serialize for JsonRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(text) if is_json_number(text) => {
                RawValue::from_string(text.clone()).map_err(S::Error::custom)?.serialize(serializer)
            }
            Value::Number(_) => Err(S::Error::custom("a number that is none")),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(values) => serializer.collect_seq(values.iter().map(JsonRef)),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(name, value)| (name, JsonRef(value)))),
        }
    }
}

/// Whether the text would read as a number again, and not as anything else that JSON can be.
fn is_json_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_digit())
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The raw text: serde's own numbers are floats beyond 64 bits.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        value_of(raw.get()).map(Json).map_err(D::Error::custom)
    }
}

fn value_of(json: &str) -> Result<Value, serde_json::Error> {
    Ok(match json.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'"') => Value::Text(serde_json::from_str(json)?),
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(json)?;
            Value::List(values.into_iter().map(|value| value_of(value.get())).collect::<Result<_, _>>()?)
        }
        Some(b'{') => Value::Map(serde_json::from_str::<Entries>(json)?.0),
        Some(_) | None => Value::Number(json.to_owned()),
    })
}

/// A map's entries in their order.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((name, Json(value))) = map.next_entry::<String, Json>()? {
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// Every element of a list in its stored form.
pub(super) fn all<'a, T: 'a, S: From<&'a T>>(values: impl IntoIterator<Item = &'a T>) -> Vec<S> {
    values.into_iter().map(S::from).collect()
}

/// Every element of a list out of its stored form.
pub(super) fn each<S, T: TryFrom<S>>(stored: Vec<S>) -> Result<Vec<T>, T::Error> {
    stored.into_iter().map(T::try_from).collect()
}

/// Values of a list as their texts.
pub(super) fn texts_of<T: Copy>(values: &[T]) -> Vec<Text<T>> {
    values.iter().copied().map(Text).collect()
}

/// Values of a list of texts.
pub(super) fn of_texts<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|text| text.0).collect()
}

/// The value of an optional text.
pub(super) fn of_text<T>(text: Option<Text<T>>) -> Option<T> {
    text.map(|text| text.0)
}

/// The instant of an optional number of microseconds.
pub(super) fn at(micros: Option<Micros>) -> Option<Instant> {
    micros.map(|micros| micros.0)
}
