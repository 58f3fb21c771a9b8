//! Every key of the table is made in this file. `docs/access-patterns.md` says who asks for it.
//!
//! Invariants:
//! - The organization stands first in every partition, but for `api_key` (how an organization is found at all) and the
//!   index partition of what is due on the real clock.
//! - Texts that callers chose are hashed into keys: they may hold any character and any length.

use chrono::{NaiveDate, Utc};
use domain::id::{
    AddOnId, ApiKeyId, AppliedCouponId, ChargeId, CouponId, CreditNoteId, CustomerId, FeeId, GroupId, InvoiceId,
    MetricId, OrganizationId, PlanId, SubscriptionId, TaxId, WalletId, WalletTransactionId, WebhookId,
};
use domain::time::Instant;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::table::{Index, IndexEntry, Key};

/// Partitions of what is due on the real clock, so that no single one takes every write.
pub const DUE_SHARDS: u8 = 16;

const HEAD: &str = "HEAD";

fn partition(organization: OrganizationId, words: &[&str]) -> String {
    let mut partition = organization.0.simple().to_string();
    for word in words {
        partition.push('#');
        partition.push_str(word);
    }
    partition
}

fn key(organization: OrganizationId, words: &[&str], sort: impl Into<String>) -> Key {
    Key { partition: partition(organization, words), sort: sort.into() }
}

fn simple(id: Uuid) -> String {
    id.simple().to_string()
}

/// A caller's text as part of a key: the first 128 bits of its SHA-256, in hexadecimal.
fn hashed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An instant as a sortable text: microseconds since the year -262143, 20 digits.
#[must_use]
pub fn sortable(at: Instant) -> String {
    // The calendar is longer than 64 bits of microseconds with a sign.
    let micros = i128::from(at.timestamp_micros()) - i128::from(chrono::DateTime::<Utc>::MIN_UTC.timestamp_micros());
    format!("{micros:020}")
}

/// The instant of a sortable text.
#[must_use]
pub fn from_sortable(text: &str) -> Option<Instant> {
    let micros = i128::from(text.parse::<u64>().ok()?);
    let since_1970 = micros + i128::from(chrono::DateTime::<Utc>::MIN_UTC.timestamp_micros());
    Instant::from_timestamp_micros(i64::try_from(since_1970).ok()?)
}

/// A creation sequence as a sortable text.
fn sequence(seq: i64) -> String {
    format!("{seq:020}")
}

/// The organization.
#[must_use]
pub fn organization(id: OrganizationId) -> Key {
    key(id, &["ORG"], HEAD)
}

/// Where an API key's bearer is looked up, by the SHA-256 of the key in hexadecimal.
#[must_use]
pub fn api_key_hash(hash: &str) -> Key {
    Key { partition: format!("KEY#{hash}"), sort: HEAD.to_owned() }
}

/// An API key among its organization's keys.
#[must_use]
pub fn api_key(organization: OrganizationId, id: ApiKeyId) -> Key {
    key(organization, &["ORG"], format!("KEY#{id}"))
}

/// Every API key of an organization: partition and prefix.
#[must_use]
pub fn api_keys(organization: OrganizationId) -> (String, &'static str) {
    (partition(organization, &["ORG"]), "KEY#")
}

/// A running number of an organization (`customers`, `invoices 2024-01`).
#[must_use]
pub fn running_number(organization: OrganizationId, name: &str) -> Key {
    key(organization, &["SEQ", name], HEAD)
}

/// A tax.
#[must_use]
pub fn tax(organization: OrganizationId, id: TaxId) -> Key {
    key(organization, &["TAX"], simple(id.0))
}

/// Every tax of an organization.
#[must_use]
pub fn taxes(organization: OrganizationId) -> String {
    partition(organization, &["TAX"])
}

/// A billable metric.
#[must_use]
pub fn metric(organization: OrganizationId, id: MetricId) -> Key {
    key(organization, &["MET"], simple(id.0))
}

/// Every billable metric of an organization, deleted ones too.
#[must_use]
pub fn metrics(organization: OrganizationId) -> String {
    partition(organization, &["MET"])
}

/// A plan, parent or child.
#[must_use]
pub fn plan(organization: OrganizationId, id: PlanId) -> Key {
    key(organization, &["PLN", &simple(id.0)], HEAD)
}

/// A code or external id that only one living object of a kind may hold.
#[must_use]
pub fn alias(organization: OrganizationId, kind: &str, name: &str) -> Key {
    key(organization, &["ALI", kind, &hashed(&[name])], HEAD)
}

/// A customer: first item of the customer's partition, which holds its subscriptions too.
#[must_use]
pub fn customer(organization: OrganizationId, id: CustomerId) -> Key {
    key(organization, &["CUS", &simple(id.0)], HEAD)
}

/// The deleted customers that had an external id.
#[must_use]
pub fn former_customers(organization: OrganizationId, external_id: &str) -> Key {
    key(organization, &["CUX", &hashed(&[external_id])], HEAD)
}

/// The customer's partition: the customer and everything that one billing of it looks at.
#[must_use]
pub fn customer_partition(organization: OrganizationId, id: CustomerId) -> String {
    partition(organization, &["CUS", &simple(id.0)])
}

/// A subscription, in its customer's partition, in order of creation.
#[must_use]
pub fn subscription(organization: OrganizationId, customer: CustomerId, seq: i64, id: SubscriptionId) -> Key {
    key(organization, &["CUS", &simple(customer.0)], format!("SUB#{}#{}", sequence(seq), simple(id.0)))
}

/// The customer in whose partition a key is; none if it is in no customer's.
#[must_use]
pub fn customer_of(key: &Key) -> Option<CustomerId> {
    let (_, customer) = key.partition.rsplit_once("#CUS#")?;
    Uuid::try_parse(customer).ok().map(CustomerId)
}

/// Prefix of the subscriptions in a customer's partition.
pub const SUBSCRIPTIONS: &str = "SUB#";

/// The mark of something that can still reduce a customer's invoices, in the customer's partition.
#[must_use]
pub fn live(organization: OrganizationId, customer: CustomerId, kind: &str, seq: i64, id: Uuid) -> Key {
    key(organization, &["CUS", &simple(customer.0)], format!("{LIVE}{kind}#{}#{}", sequence(seq), simple(id)))
}

/// Prefix of the marks in a customer's partition.
pub const LIVE: &str = "LIV#";

/// The list of all subscription records with one external id.
#[must_use]
pub fn subscription_chain(organization: OrganizationId, external_id: &str) -> Key {
    key(organization, &["SBX", &hashed(&[external_id])], HEAD)
}

/// An invoice.
#[must_use]
pub fn invoice(organization: OrganizationId, id: InvoiceId) -> Key {
    key(organization, &["INV", &simple(id.0)], HEAD)
}

/// A coupon: first item of a partition that holds its uses too.
#[must_use]
pub fn coupon(organization: OrganizationId, id: CouponId) -> Key {
    key(organization, &["CPN", &simple(id.0)], HEAD)
}

/// That a customer got a coupon.
#[must_use]
pub fn coupon_use(organization: OrganizationId, id: CouponId, customer: CustomerId, applied: AppliedCouponId) -> Key {
    let place = format!("{}{}", coupon_uses(Some(customer)), simple(applied.0));
    key(organization, &["CPN", &simple(id.0)], place)
}

/// Prefix of the uses in a coupon's partition: everybody's, or one customer's.
#[must_use]
pub fn coupon_uses(customer: Option<CustomerId>) -> String {
    customer.map_or_else(|| "USE#".to_owned(), |customer| format!("USE#{}#", simple(customer.0)))
}

/// An add-on.
#[must_use]
pub fn add_on(organization: OrganizationId, id: AddOnId) -> Key {
    key(organization, &["ADD", &simple(id.0)], HEAD)
}

/// A coupon applied to a customer: first item of a partition that holds its credits too.
#[must_use]
pub fn applied_coupon(organization: OrganizationId, id: AppliedCouponId) -> Key {
    key(organization, &["ACP", &simple(id.0)], HEAD)
}

/// What leads from an applied coupon to an invoice that it was used on.
#[must_use]
pub fn coupon_credit(organization: OrganizationId, id: AppliedCouponId, invoice: InvoiceId) -> Key {
    key(organization, &["ACP", &simple(id.0)], format!("{COUPON_CREDITS}{}", simple(invoice.0)))
}

/// Prefix of the credits in an applied coupon's partition.
pub const COUPON_CREDITS: &str = "CRD#";

/// What one commit posted to a customer's ledger.
#[must_use]
pub fn ledger_transaction(organization: OrganizationId, customer: CustomerId, seq: i64) -> Key {
    Key { partition: ledger(organization, customer), sort: sequence(seq) }
}

/// A customer's ledger, in order of creation.
#[must_use]
pub fn ledger(organization: OrganizationId, customer: CustomerId) -> String {
    partition(organization, &["LDG", &simple(customer.0)])
}

/// The mark of a draft invoice among the organization's drafts. Those of a customer stand in order of creation.
#[must_use]
pub fn draft(organization: OrganizationId, customer: CustomerId, at: Instant, seq: i64, id: InvoiceId) -> Key {
    let (of_customer, at, seq) = (drafts_of(customer), sortable(at), sequence(seq));
    key(organization, &["DRF"], format!("{of_customer}{at}#{seq}#{}", simple(id.0)))
}

/// The marks of every draft invoice of an organization.
#[must_use]
pub fn drafts(organization: OrganizationId) -> String {
    partition(organization, &["DRF"])
}

/// Prefix of a customer's drafts in that partition.
#[must_use]
pub fn drafts_of(customer: CustomerId) -> String {
    format!("{}#", simple(customer.0))
}

/// A wallet.
#[must_use]
pub fn wallet(organization: OrganizationId, id: WalletId) -> Key {
    key(organization, &["WAL", &simple(id.0)], HEAD)
}

/// A transaction of a wallet.
#[must_use]
pub fn wallet_transaction(organization: OrganizationId, id: WalletTransactionId) -> Key {
    key(organization, &["WTX", &simple(id.0)], HEAD)
}

/// A page of an invoice's fees, when they do not fit into the invoice's own item.
#[must_use]
pub fn fee_page(organization: OrganizationId, id: InvoiceId, generation: &str, page: usize) -> Key {
    key(organization, &["INV", &simple(id.0)], format!("FEES#{generation}#{page:04}"))
}

/// A fee without invoice.
#[must_use]
pub fn fee(organization: OrganizationId, id: FeeId) -> Key {
    key(organization, &["FEE", &simple(id.0)], HEAD)
}

/// The metrics that charges in advance price.
#[must_use]
pub fn advance_metrics(organization: OrganizationId) -> Key {
    key(organization, &["ADM"], HEAD)
}

/// What charges in advance remember of one external subscription id.
fn advance(organization: OrganizationId, external_subscription_id: &str) -> String {
    partition(organization, &["ADV", &hashed(&[external_subscription_id])])
}

/// What a window of a charge has billed, of one leaf or of a charge without dimensions.
#[must_use]
pub fn advance_window(
    organization: OrganizationId,
    external_subscription_id: &str,
    charge: ChargeId,
    subscription: SubscriptionId,
    first_day: NaiveDate,
    group: Option<GroupId>,
) -> Key {
    let (partition, prefix) = advance_windows(organization, external_subscription_id, charge, subscription, first_day);
    let leaf = group.map_or_else(|| "-".to_owned(), |group| simple(group.0));
    Key { partition, sort: prefix + &leaf }
}

/// Partition and prefix of the windows of all leaves.
#[must_use]
pub fn advance_windows(
    organization: OrganizationId,
    external_subscription_id: &str,
    charge: ChargeId,
    subscription: SubscriptionId,
    first_day: NaiveDate,
) -> (String, String) {
    let prefix = format!("W#{}#{}#{first_day}#", simple(charge.0), simple(subscription.0));
    (advance(organization, external_subscription_id), prefix)
}

/// A value of a unique count, by its fingerprint: in one window, or for ever.
#[must_use]
pub fn advance_value(
    organization: OrganizationId,
    external_subscription_id: &str,
    charge: ChargeId,
    window: Option<(SubscriptionId, NaiveDate)>,
    fingerprint: &str,
) -> Key {
    let window = window.map_or_else(
        || "EVER".to_owned(),
        |(subscription, first_day)| format!("{}#{first_day}", simple(subscription.0)),
    );
    let sort = format!("V#{}#{window}#{fingerprint}", simple(charge.0));
    Key { partition: advance(organization, external_subscription_id), sort }
}

/// The mark of an event that charges in advance have taken up, by its fingerprint.
#[must_use]
pub fn advance_mark(organization: OrganizationId, external_subscription_id: &str, fingerprint: &str) -> Key {
    Key { partition: advance(organization, external_subscription_id), sort: format!("M#{fingerprint}") }
}

/// The subscription that an event without one was attributed to, by its fingerprint.
#[must_use]
pub fn attribution(organization: OrganizationId, fingerprint: &str) -> Key {
    key(organization, &["ATR", fingerprint], HEAD)
}

/// Callers' texts as a part of a key: 128 bits in hexadecimal.
#[must_use]
pub fn fingerprint(texts: &[&str]) -> String {
    hashed(texts)
}

/// A credit note that clients can see.
#[must_use]
pub fn credit_note(organization: OrganizationId, id: CreditNoteId) -> Key {
    key(organization, &["CRN", &simple(id.0)], HEAD)
}

/// The credit notes of a draft invoice, in the invoice's partition.
#[must_use]
pub fn draft_notes(organization: OrganizationId, invoice: InvoiceId) -> Key {
    key(organization, &["INV", &simple(invoice.0)], "NOTES")
}

/// A delivery of a webhook to an endpoint.
#[must_use]
pub fn webhook(organization: OrganizationId, id: WebhookId) -> Key {
    key(organization, &["WHK", &simple(id.0)], HEAD)
}

/// An outbox item. `shard` keeps what concerns one object in order.
#[must_use]
pub fn outbox(organization: OrganizationId, shard: &str, seq: i64, position: usize) -> Key {
    key(organization, &["OUT", shard], format!("{}#{position:03}", sequence(seq)))
}

/// A request that carries an idempotency key.
#[must_use]
pub fn idempotent_request(organization: OrganizationId, idempotency_key: &str) -> Key {
    key(organization, &["IDM", &hashed(&[idempotency_key])], HEAD)
}

/// A page of a large answer to a request that carries an idempotency key.
#[must_use]
pub fn idempotent_answer_page(
    organization: OrganizationId,
    idempotency_key: &str,
    generation: &str,
    page: usize,
) -> Key {
    key(organization, &["IDM", &hashed(&[idempotency_key])], format!("PAGE#{generation}#{page:04}"))
}

/// One unfinished piece of work of a sandbox organization.
#[must_use]
pub fn work(organization: OrganizationId, id: &str) -> Key {
    key(organization, &["WRK"], id)
}

/// Every unfinished piece of work of a sandbox organization.
#[must_use]
pub fn works(organization: OrganizationId) -> String {
    partition(organization, &["WRK"])
}

/// An organization's analytics: sums by month, what was added lately, and the count of folds.
#[must_use]
pub fn analytics(organization: OrganizationId) -> String {
    partition(organization, &["ANL"])
}

/// The count of folds of an organization's analytics.
#[must_use]
pub fn analytics_folds(organization: OrganizationId) -> Key {
    key(organization, &["ANL"], HEAD)
}

/// The sums of a month (`2024-01`).
#[must_use]
pub fn analytics_month(organization: OrganizationId, month: &str) -> Key {
    key(organization, &["ANL"], format!("M#{month}"))
}

/// What a commit added to analytics.
#[must_use]
pub fn analytics_added(organization: OrganizationId, seq: i64, customer: CustomerId) -> Key {
    key(organization, &["ANL"], format!("{ANALYTICS_ADDED}{}#{}", sequence(seq), simple(customer.0)))
}

/// Prefix of what commits added to analytics.
pub const ANALYTICS_ADDED: &str = "N#";

/// The revenue of a customer.
#[must_use]
pub fn analytics_customer(organization: OrganizationId, customer: CustomerId) -> Key {
    key(organization, &["ANL", &simple(customer.0)], HEAD)
}

/// The usage log of one metric code of one external subscription id.
#[must_use]
pub fn usage_log(organization: OrganizationId, external_subscription_id: &str, code: &str) -> String {
    partition(organization, &["LOG", &hashed(&[external_subscription_id, code])])
}

/// Receipts of a day's ingest batches.
#[must_use]
pub fn receipts(organization: OrganizationId, day: NaiveDate) -> String {
    partition(organization, &["RCP", &day.format("%Y%m%d").to_string()])
}

/// A partition of a usage log's chunks: the first is the log's own, a hot log has more.
#[must_use]
pub fn log_shard(log: &str, shard: u32) -> String {
    if shard == 0 { log.to_owned() } else { format!("{log}#{shard:02}") }
}

/// Parts of an arrival in one partition of its log.
pub const PARTS_PER_SHARD: usize = 10_000;

/// A chunk of a usage log (`usage_log`): chunks of a log stand in order of arrival. Its part says in which of the log's
/// partitions it is: the first has parts 0 to 9,999, the next 10,000 to 19,999.
#[must_use]
pub fn chunk_key(log: &str, arrival: Uuid, part: usize) -> Key {
    // Far fewer shards than 2^32.
    let shard = u32::try_from(part / PARTS_PER_SHARD).unwrap_or(u32::MAX);
    Key { partition: log_shard(log, shard), sort: format!("{CHUNKS}{}#{part:04}", simple(arrival)) }
}

/// Arrival and part of a chunk, from its sort key.
#[must_use]
pub fn chunk_name(sort: &str) -> Option<(Uuid, u32)> {
    let (arrival, part) = sort.strip_prefix(CHUNKS)?.split_once('#')?;
    Some((Uuid::try_parse(arrival).ok()?, part.parse().ok()?))
}

/// Partitions that what folds write is spread over, whatever the log: the first is that of the log's head.
pub const FOLDED_SHARDS: u32 = 16;

/// Something that a fold of a usage log wrote: what follows each other stands in different partitions.
#[must_use]
pub fn folded(log: &str, generation: u64, number: u32) -> Key {
    Key {
        partition: log_shard(log, number % FOLDED_SHARDS),
        sort: format!("{}{number:08}", folded_generation(generation)),
    }
}

/// Prefix of everything that one attempt at a fold wrote, in each of `FOLDED_SHARDS` partitions.
#[must_use]
pub fn folded_generation(generation: u64) -> String {
    format!("G#{generation:012}#")
}

/// Prefix of the chunks in a usage log.
pub const CHUNKS: &str = "C#";

/// The head of a usage log: says what has been folded.
#[must_use]
pub fn usage_head(organization: OrganizationId, external_subscription_id: &str, code: &str) -> Key {
    Key { partition: usage_log(organization, external_subscription_id, code), sort: HEAD.to_owned() }
}

/// A receipt of a day: receipts stand in order of arrival.
#[must_use]
pub fn receipt(organization: OrganizationId, day: NaiveDate, arrival: Uuid, part: usize) -> Key {
    Key { partition: receipts(organization, day), sort: format!("{}#{part:04}", simple(arrival)) }
}

/// An hour in which an organization received events, by its start on the organization's clock.
#[must_use]
pub fn event_hour(organization: OrganizationId, start: Instant) -> Key {
    key(organization, &[EVENT_HOURS], sortable(start))
}

/// Kind of hours with events in keys.
const EVENT_HOURS: &str = "EVH";

/// Where the receipts of a day begin that arrived at an instant or later: arrivals begin with their milliseconds.
#[must_use]
pub fn arrived_from(at: Instant) -> String {
    format!("{:012x}", at.timestamp_millis().clamp(0, (1 << 48) - 1))
}

/// Kind of subscription records in lists.
pub const SUBSCRIPTION_RECORDS: &str = "SUB";
/// Kind of subscription records that are active, among the children of their plan; the others are `SUBSCRIPTION_RECORDS`.
pub const ACTIVE_SUBSCRIPTIONS: &str = "SUBA";
/// Kind of customers in lists.
pub const CUSTOMERS: &str = "CUS";
/// Kind of plans in lists.
pub const PLANS: &str = "PLN";
/// Kind of invoices in lists.
pub const INVOICES: &str = "INV";
/// Kind of wallets in lists.
pub const WALLETS: &str = "WAL";
/// Kind of wallet transactions in lists.
pub const WALLET_TRANSACTIONS: &str = "WTX";
/// Kind of coupons in lists.
pub const COUPONS: &str = "CPN";
/// Kind of add-ons in lists.
pub const ADD_ONS: &str = "ADD";
/// Kind of applied coupons in lists.
pub const APPLIED_COUPONS: &str = "ACP";
/// Kind of fees without invoice in lists.
pub const FEES: &str = "FEE";
/// Kind of credit notes in lists.
pub const CREDIT_NOTES: &str = "CRN";
/// Kind of webhooks in lists.
pub const WEBHOOKS: &str = "WHK";

fn entry(index: Index, partition: String, sort: String) -> IndexEntry {
    IndexEntry { index, partition, sort }
}

/// Index partition: every object of a kind in an organization.
#[must_use]
pub fn list_of(organization: OrganizationId, kind: &str) -> String {
    partition(organization, &[kind])
}

/// Place in the list of a kind, in order of creation.
#[must_use]
pub fn in_list(organization: OrganizationId, kind: &str, created_at: Instant, seq: i64) -> IndexEntry {
    entry(Index::ByOrganization, list_of(organization, kind), format!("{}#{}", sortable(created_at), sequence(seq)))
}

/// Index partition: every object of a kind that belongs to another object.
#[must_use]
pub fn children_of(organization: OrganizationId, parent: Uuid, kind: &str) -> String {
    partition(organization, &[&simple(parent), kind])
}

/// Place among the children of an object, in order of creation.
#[must_use]
pub fn in_children(
    organization: OrganizationId,
    parent: Uuid,
    kind: &str,
    created_at: Instant,
    seq: i64,
) -> IndexEntry {
    let sort = format!("{}#{}", sortable(created_at), sequence(seq));
    entry(Index::ByParent, children_of(organization, parent, kind), sort)
}

/// Whose clock decides when something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// The real clock.
    Real,
    /// The organization's test clock.
    Sandbox,
}

/// Index partition of what is due on the real clock.
#[must_use]
pub fn due_shard(shard: u8) -> String {
    format!("DUE#{shard:02}")
}

/// Index partition of what is due in a sandbox organization.
#[must_use]
pub fn due_in_sandbox(organization: OrganizationId) -> String {
    partition(organization, &["DUE"])
}

/// Place among what is due. `owner` spreads the real clock's entries over the shards.
#[must_use]
pub fn due(organization: OrganizationId, timeline: Timeline, owner: Uuid, at: Instant) -> IndexEntry {
    let partition = match timeline {
        Timeline::Real => due_shard(owner.as_bytes()[15] % DUE_SHARDS),
        Timeline::Sandbox => due_in_sandbox(organization),
    };
    entry(Index::ByDue, partition, sortable(at))
}

/// What something that is due belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// A customer: a subscription of it is due.
    Customer(CustomerId),
    /// An invoice: a draft is due.
    Invoice(InvoiceId),
    /// A wallet: a top-up or its end is due.
    Wallet(WalletId),
    /// A coupon: its expiration has passed.
    Coupon(CouponId),
    /// A webhook: in a sandbox, its next attempt is due.
    Webhook(WebhookId),
    /// An hour that begins at this instant: the events received in it are to be checked.
    EventHour(Instant),
}

/// Whose the item under a key is; none for items that are never due.
#[must_use]
pub fn owner(key: &Key) -> Option<(OrganizationId, Owner)> {
    let mut words = key.partition.split('#');
    let organization = OrganizationId(Uuid::try_parse(words.next()?).ok()?);
    let kind = words.next()?;
    if kind == EVENT_HOURS {
        return Some((organization, Owner::EventHour(from_sortable(&key.sort)?)));
    }
    let id = Uuid::try_parse(words.next()?).ok()?;
    match (kind, words.next()) {
        ("CUS", None) => Some((organization, Owner::Customer(CustomerId(id)))),
        ("INV", None) => Some((organization, Owner::Invoice(InvoiceId(id)))),
        ("WAL", None) => Some((organization, Owner::Wallet(WalletId(id)))),
        ("CPN", None) => Some((organization, Owner::Coupon(CouponId(id)))),
        ("WHK", None) => Some((organization, Owner::Webhook(WebhookId(id)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_owner() {
        let id = |id: u128| Uuid::from_u128(id);
        let (organization, customer, invoice) = (OrganizationId(id(1)), CustomerId(id(2)), InvoiceId(id(3)));
        let subscription = subscription(organization, customer, 7, SubscriptionId(id(4)));
        assert_eq!(owner(&subscription), Some((organization, Owner::Customer(customer))));
        assert_eq!(owner(&super::invoice(organization, invoice)), Some((organization, Owner::Invoice(invoice))));
        let hour: Instant = "2024-02-29T10:00:00Z".parse().unwrap_or_default();
        assert_eq!(owner(&event_hour(organization, hour)), Some((organization, Owner::EventHour(hour))));
        assert_eq!(owner(&plan(organization, PlanId(id(5)))), None);
        assert_eq!(owner(&api_key_hash("x")), None);
    }

    #[test]
    fn sortable_instants_keep_their_order() {
        let at = |text: &str| text.parse::<Instant>().unwrap_or_default();
        let instants = [at("1969-12-31T23:59:59Z"), at("1970-01-01T00:00:00Z"), at("2024-02-29T00:00:00.000001Z")];
        assert!(instants.map(sortable).is_sorted());
        assert_eq!(sortable(Instant::MIN_UTC).len(), sortable(Instant::MAX_UTC).len());
        assert_eq!(instants.map(|at| from_sortable(&sortable(at))), instants.map(Some));
    }

    #[test]
    fn callers_texts_never_meet_in_a_key() {
        let organization = OrganizationId(Uuid::nil());
        assert_ne!(usage_log(organization, "a", "bc"), usage_log(organization, "ab", "c"));
        assert_ne!(alias(organization, "plan", "x#y"), alias(organization, "plan#x", "y"));
    }
}
