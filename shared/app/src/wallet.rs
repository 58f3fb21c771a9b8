//! Wallets: made and ended by clients, topped up by clients and by the clock, used and refilled by invoices. Rules: chapter
//! 04, 11.
//!
//! Every balance that changes is written by `written`, together with the transactions that explain it.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::TimeDelta;
use domain::id::{CustomerId, OrganizationId, WalletId, WalletRuleId};
use domain::invoice::{Invoice, Kind, PaymentStatus, Place, Sequence, credit};
use domain::organization::Organization;
use domain::problem::{Problems, codes};
use domain::time::Instant;
use domain::wallet::{
    self, BalanceOverflow, Change, NewWallet, Payer, Purpose, Source, Step, TopUp, TopUpRequest, Wallet, WalletBirth,
    WalletTransaction, WalletUpdate,
};
use futures_util::{StreamExt, stream};
use store::alias::{Alias, kinds};
use store::items::{Live, LiveKind};
use store::table::{Condition, Write};
use store::{Commit, Versioned};
use wire::wallet::{Output, TransactionFilter};

use crate::billing::{Account, Numbering};
use crate::jobs::BillingJob;
use crate::{App, Attempt, Failure, Outcome, READS_AT_ONCE, Rejection, customer, notice, retry_on_conflict};

/// A wallet and the external id of its customer.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The wallet.
    pub wallet: Versioned<Wallet>,
    /// The customer's.
    pub external_customer_id: String,
}

/// Creates a wallet; its first top-up follows in the background (chapter 04, 11.2).
///
/// # Errors
/// 422, every field that is wrong together.
pub async fn create(app: &App, organization: &Organization, new: &NewWallet) -> Outcome<Owned> {
    app.until_no_conflict(|| create_once(app, organization, new)).await
}

async fn create_once(app: &App, organization: &Organization, new: &NewWallet) -> Result<Owned, Attempt> {
    let customer = match &new.external_customer_id {
        Some(external_id) => app.store.customer_by_external_id(organization.id, external_id).await?,
        None => None,
    };
    let file = match customer {
        Some(customer) => app.store.customer_file(organization.id, customer.value.id).await?,
        None => None,
    };
    let now = app.now(organization);
    let birth = WalletBirth {
        id: WalletId(app.ids.uuid()),
        rule_id: WalletRuleId(app.ids.uuid()),
        zone: organization.timezone,
        at: now,
        seq: app.ids.sequence(),
    };
    let payer = file.as_ref().map(|file| Payer {
        customer: &file.customer,
        is_editable: customer::editable(file) == domain::customer::Editable::Yes,
        has_wallet: file.live.iter().any(|live| live.kind == LiveKind::Wallet),
        zone: file.customer.zone(organization),
    });
    let wallet = wallet::create(new, payer, birth)?;
    // Without a payer there is no wallet.
    let file = file.ok_or_else(|| Failure::Bug("a wallet of nobody".to_owned()))?;
    let mut payer = file.customer.value.clone();
    payer.currency = Some(wallet.currency);
    payer.is_currency_fixed = true;
    let mut commit = app
        .commit(organization)
        .create(&wallet)
        .create(&mark(&wallet))
        .claim(&Alias::new(kinds::ACTIVE_WALLET, &payer.id.to_string(), wallet.id))
        .update(&file.customer, &payer);
    commit = watched(commit, organization, &wallet)?;
    if !wallet.owed.is_empty() {
        commit = commit.then(&job(organization.id, wallet.id, now).message(&wallet.id.to_string()));
    }
    retry_on_conflict(app.execute(commit).await)?;
    Ok(Owned { wallet: Versioned { value: wallet, version: 1 }, external_customer_id: payer.external_id })
}

/// Remembers, once and for ever, that an organization has threshold rules: ingestion looks for wallets only then.
fn watched(commit: Commit, organization: &Organization, wallet: &Wallet) -> Outcome<Commit> {
    if wallet.threshold_rule().is_none() {
        return Ok(commit);
    }
    let mark = Alias::new(kinds::THRESHOLD_RULES, "", wallet.id);
    let item = store::record::to_item(crate::scope(organization), &mark, 1);
    let item = item.map_err(|error| Failure::Bug(error.to_string()))?;
    Ok(commit.write(Write::Put(item, Condition::None)))
}

/// Has the ongoing balances looked at that new usage of these subscriptions concerns (chapter 09): those of active wallets
/// with a threshold rule. One read; in an organization with such rules up to four per subscription, and a write where nothing
/// waits to be looked at.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn note_usage<'e>(
    app: &App,
    organization: OrganizationId,
    external_subscription_ids: impl Iterator<Item = &'e str>,
) -> Outcome<()> {
    let ids: BTreeSet<&str> = external_subscription_ids.collect();
    if ids.is_empty() || app.store.owner_of(organization, kinds::THRESHOLD_RULES, "").await?.is_none() {
        return Ok(());
    }
    // A large batch has events of thousands of subscriptions: nobody waits for one read after the other.
    let chains: Vec<_> = ids.into_iter().map(|id| app.store.chain(organization, id)).collect();
    let mut chains = stream::iter(chains).buffer_unordered(READS_AT_ONCE);
    let mut customers = BTreeSet::new();
    while let Some(chain) = chains.next().await {
        customers.extend(chain?.iter().flat_map(|chain| &chain.members).map(|member| member.customer_id));
    }
    let notes: Vec<_> = customers.into_iter().map(|customer| note_customer(app, organization, customer)).collect();
    let mut notes = stream::iter(notes).buffer_unordered(READS_AT_ONCE);
    while let Some(noted) = notes.next().await {
        noted?;
    }
    Ok(())
}

async fn note_customer(app: &App, organization: OrganizationId, customer: CustomerId) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let owner = app.store.owner_of(organization, kinds::ACTIVE_WALLET, &customer.to_string()).await?;
        let Some(id) = owner else { return Ok(()) };
        let Some(found) = app.store.wallet(organization, WalletId(id)).await? else { return Ok(()) };
        if !found.is_active() || found.threshold_rule().is_none() || found.look_at.is_some() {
            return Ok(());
        }
        let organization = app.organization(organization).await?;
        let zone = zone_of(app, &organization, customer).await?;
        let noted = Wallet { look_at: Some(app.now(&organization)), ..found.value.clone() }.scheduled(zone);
        retry_on_conflict(app.execute(app.commit(&organization).update(&found, &noted)).await)
    })
    .await
}

/// The mark of an active wallet.
fn mark(wallet: &Wallet) -> Live {
    let (customer, created_seq) = (wallet.customer_id, wallet.created_seq);
    Live { customer, kind: LiveKind::Wallet, id: wallet.id.0, created_seq }
}

fn job(organization: OrganizationId, wallet: WalletId, until: Instant) -> BillingJob {
    BillingJob::RunWallet { organization_id: organization.0, wallet_id: wallet.0, until, work: None }
}

/// A wallet of a living customer; none if there is no such wallet.
async fn find(app: &App, organization: &Organization, id: Option<WalletId>) -> Outcome<Option<Owned>> {
    let Some(id) = id else { return Ok(None) };
    let Some(wallet) = app.store.wallet(organization.id, id).await? else { return Ok(None) };
    let customer = app.store.customer(organization.id, wallet.customer_id).await?;
    let living = customer.filter(|customer| customer.deleted_at.is_none());
    Ok(living.map(|customer| Owned { wallet, external_customer_id: customer.value.external_id }))
}

/// A wallet.
///
/// # Errors
/// 404 `wallet_not_found`, also once its customer is deleted.
pub async fn get(app: &App, organization: &Organization, id: Option<WalletId>) -> Outcome<Owned> {
    find(app, organization, id).await?.ok_or_else(|| Rejection::NotFound("wallet").into())
}

/// A part of a customer's wallets, in order of creation, and how many there are.
///
/// # Errors
/// 404 `customer_not_found`.
pub async fn list(
    app: &App,
    organization: &Organization,
    external_customer_id: &str,
    range: impl FnOnce(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<Owned>)> {
    let customer = customer::by_external_id(app, organization.id, external_customer_id).await?;
    let listed = app.store.list_wallets(organization.id, customer.value.id, range).await?;
    let owned = |wallet| Owned { wallet, external_customer_id: external_customer_id.to_owned() };
    Ok((listed.total, listed.entries.into_iter().map(owned).collect()))
}

/// Changes name, expiry and rule (chapter 04, 11.3).
///
/// # Errors
/// 404 `wallet_not_found`, 422.
pub async fn update(
    app: &App,
    organization: &Organization,
    id: Option<WalletId>,
    update: &WalletUpdate,
) -> Outcome<Owned> {
    app.until_no_conflict(|| async {
        let Owned { wallet: found, external_customer_id } = get(app, organization, id).await?;
        let zone = zone_of(app, organization, found.customer_id).await?;
        let rule_id = WalletRuleId(app.ids.uuid());
        let zones = (organization.timezone, zone);
        let edited = wallet::edit(&found, update, rule_id, zones, app.now(organization))?;
        let commit = watched(app.commit(organization).update(&found, &edited), organization, &edited)?;
        retry_on_conflict(app.execute(commit).await)?;
        let wallet = Versioned { value: edited, version: found.version + 1 };
        Ok(Owned { wallet, external_customer_id })
    })
    .await
}

async fn zone_of(app: &App, organization: &Organization, id: CustomerId) -> Outcome<domain::time::Zone> {
    let customer = app.store.customer(organization.id, id).await?;
    let customer = customer.ok_or_else(|| Failure::Bug(format!("customer {id} of a wallet is missing")))?;
    Ok(customer.zone(organization))
}

/// Ends a wallet; one that has ended stays as it is (chapter 04, 11.3).
///
/// # Errors
/// 404 `wallet_not_found`.
pub async fn terminate(app: &App, organization: &Organization, id: Option<WalletId>) -> Outcome<Owned> {
    app.until_no_conflict(|| async {
        let Owned { wallet: found, external_customer_id } = get(app, organization, id).await?;
        let wallet = end(app, organization, found, app.now(organization)).await?;
        Ok(Owned { wallet, external_customer_id })
    })
    .await
}

/// How long the wallet of a deleted customer outlives it on the real clock, whose last invoices wait for the settling time.
const LAST_INVOICES: TimeDelta = TimeDelta::hours(1);

/// Ends the active wallet of a deleted customer (chapter 04, 12.3): on the real clock with the first sweep after its last
/// invoices, which may still use it. Nothing tops it up any more.
///
/// # Errors
/// `Unavailable`: the job comes again.
pub(crate) async fn end_of_customer(
    app: &App,
    organization: &Organization,
    customer: CustomerId,
    at: Instant,
) -> Outcome<()> {
    app.until_no_conflict(|| async {
        let Some(id) = app.store.owner_of(organization.id, kinds::ACTIVE_WALLET, &customer.to_string()).await? else {
            return Ok(());
        };
        let Some(found) = app.store.wallet(organization.id, WalletId(id)).await? else { return Ok(()) };
        if organization.is_sandbox() || !found.is_active() {
            return end(app, organization, found, at).await.map(drop);
        }
        let zone = zone_of(app, organization, customer).await?;
        let last = at.checked_add_signed(LAST_INVOICES).unwrap_or(at);
        let expiration_at = Some(found.expiration_at.map_or(last, |planned| planned.min(last)));
        let ending = Wallet { rule: None, owed: Vec::new(), look_at: None, expiration_at, ..found.value.clone() };
        let ending = ending.scheduled(zone);
        retry_on_conflict(app.execute(app.commit(organization).update(&found, &ending)).await)
    })
    .await
}

/// An active wallet becomes an ended one, and its customer may have another.
async fn end(
    app: &App,
    organization: &Organization,
    found: Versioned<Wallet>,
    at: Instant,
) -> Result<Versioned<Wallet>, Attempt> {
    if !found.is_active() {
        return Ok(found);
    }
    let ended = wallet::terminate(&found, at);
    let live = store::Record::key(&mark(&ended), crate::scope(organization));
    let commit = app
        .commit(organization)
        .update(&found, &ended)
        .release(kinds::ACTIVE_WALLET, &ended.customer_id.to_string())
        .write(Write::Delete(live, Condition::None));
    retry_on_conflict(app.execute(commit).await)?;
    Ok(Versioned { value: ended, version: found.version + 1 })
}

/// Credits asked for by a client: bought ones wait for the payment of their invoice, granted ones count at once (chapter 04,
/// 11.4). Gives the transactions, the purchase first.
///
/// # Errors
/// 422.
pub async fn top_up(app: &App, organization: &Organization, request: &TopUpRequest) -> Outcome<Vec<WalletTransaction>> {
    let occasion = app.ids.uuid();
    app.until_no_conflict(|| async {
        let owned = find(app, organization, request.wallet_id).await?;
        let (paid, granted) = wallet::requested(request, owned.as_ref().map(|owned| &owned.wallet.value))?;
        // An unknown wallet was refused.
        let Owned { wallet: found, .. } = owned.ok_or_else(|| Failure::Bug("a top-up of no wallet".to_owned()))?;
        let top_up = TopUp { paid, granted, source: Source::Manual, occasion, at: app.now(organization) };
        let account = Account::of(app, organization.id, found.customer_id).await?;
        // Only granted credits count at once: were there too many of them, the client is told so.
        wallet::top_up(&found, &top_up, &mut || 0)
            .map_err(|_| Problems::one("granted_credits", "invalid_granted_credits"))?;
        let (commit, transactions) = fill(app, &account, &found, found.value.clone(), &top_up).await?;
        if !transactions.is_empty() {
            retry_on_conflict(app.execute(commit).await)?;
        }
        Ok(transactions)
    })
    .await
}

/// A commit that puts credits into `wallet`, which is `found` after what caused the top-up, with the invoice that sells the
/// bought ones and what the world hears of it.
async fn fill(
    app: &App,
    account: &Account,
    found: &Versioned<Wallet>,
    wallet: Wallet,
    top_up: &TopUp,
) -> Result<(Commit, Vec<WalletTransaction>), Attempt> {
    let organization = &account.organization;
    let change = wallet::top_up(&wallet, top_up, &mut || app.ids.sequence()).map_err(too_large)?;
    let wallet = change.wallet.scheduled(account.zone());
    let change = Change { wallet, transactions: change.transactions };
    let mut commit = written(app.commit(organization), found, &change, &[]);
    let purchase = change.transactions.iter().find(|one| one.purpose == Purpose::Purchased);
    if let Some(purchase) = purchase {
        let numbering = Numbering::load(app, organization, top_up.at).await?;
        let sequence = Sequence { of_customer: account.customer.last_invoice_sequence + 1, of_month: numbering.next() };
        let sold = credit::sale(
            organization,
            &account.customer,
            &change.wallet,
            purchase,
            Place { sequence, created_seq: app.ids.sequence() },
        );
        let invoice = sold.ok_or_else(|| Failure::Bug("a purchase without an invoice".to_owned()))?;
        let mut customer = account.customer.value.clone();
        customer.last_invoice_sequence += 1;
        commit = numbering.count(commit.create_invoice(&invoice).update(&account.customer, &customer), account);
        for message in notice::of_sale(app, account, &invoice, top_up.at)? {
            commit = commit.then(&message);
        }
    }
    Ok((commit, change.transactions))
}

fn too_large(error: BalanceOverflow) -> Failure {
    Failure::Bug(error.to_string())
}

/// Writes a changed wallet and its transactions: `known` are those among them that were read, the others are new.
///
/// The one place where a balance is stored.
pub(crate) fn written(
    commit: Commit,
    found: &Versioned<Wallet>,
    change: &Change,
    known: &[Versioned<WalletTransaction>],
) -> Commit {
    let commit = commit.update(found, &change.wallet);
    change.transactions.iter().fold(commit, |commit, transaction| {
        let read = known.iter().find(|read| read.id == transaction.id);
        commit.save(read, transaction)
    })
}

/// Adds to a commit what the payment of a credit invoice does: its purchase is settled, once (chapter 04, 7.1 and 11.5).
///
/// # Errors
/// The table did not answer; 422 if the balance would become too large.
pub(crate) async fn settle(
    app: &App,
    organization: &Organization,
    commit: Commit,
    invoice: &Invoice,
    at: Instant,
) -> Outcome<Commit> {
    let is_paid = invoice.kind == Kind::Credit && invoice.payment_status == PaymentStatus::Succeeded;
    let Some(id) = credit::purchase_of(invoice).filter(|_| is_paid) else { return Ok(commit) };
    let missing = || Failure::Bug(format!("the purchase of invoice {} is missing", invoice.id));
    let purchase = app.store.wallet_transaction(organization.id, id).await?.ok_or_else(missing)?;
    let found = app.store.wallet(organization.id, purchase.wallet_id).await?.ok_or_else(missing)?;
    let settled = wallet::settle(&found, &purchase, at)
        .map_err(|_| Failure::from(Problems::one("payment_status", codes::OUT_OF_RANGE)))?;
    Ok(match settled {
        Some(change) => written(commit, &found, &change, &[purchase]),
        None => commit,
    })
}

/// Adds to a commit what a voided invoice gives back to the wallet that paid a part of it (chapter 04, 6.6).
///
/// # Errors
/// The table did not answer, or the balance would become too large.
pub(crate) async fn give_back(
    app: &App,
    organization: &Organization,
    commit: Commit,
    invoice: &Invoice,
    at: Instant,
) -> Outcome<Commit> {
    let Some(used) = &invoice.prepaid else { return Ok(commit) };
    let missing = || Failure::Bug(format!("the prepaid credits of invoice {} are missing", invoice.id));
    let taken = app.store.wallet_transaction(organization.id, used.transaction_id).await?.ok_or_else(missing)?;
    let found = app.store.wallet(organization.id, used.wallet_id).await?.ok_or_else(missing)?;
    let change = wallet::give_back(&found, &taken, at, app.ids.sequence()).map_err(too_large)?;
    Ok(match change {
        Some(change) => written(commit, &found, &change, &[]),
        None => commit,
    })
}

/// The customer's active wallet, as its live mark names it.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn active(
    app: &App,
    organization: OrganizationId,
    live: &[Live],
) -> Outcome<Option<Versioned<Wallet>>> {
    let Some(mark) = live.iter().find(|live| live.kind == LiveKind::Wallet) else { return Ok(None) };
    Ok(app.store.wallet(organization, WalletId(mark.id)).await?.filter(|wallet| wallet.is_active()))
}

/// The job: everything that the clock has to do to a wallet up to `until`, each thing at its own instant.
///
/// # Errors
/// `Unavailable`: the job comes again and goes on.
pub async fn run(app: &App, organization: OrganizationId, id: WalletId, until: Instant) -> Outcome<()> {
    while app.until_no_conflict(|| step(app, organization, id, until)).await? {}
    Ok(())
}

/// One step, if one is due.
async fn step(app: &App, organization: OrganizationId, id: WalletId, until: Instant) -> Result<bool, Attempt> {
    let Some(found) = app.store.wallet(organization, id).await? else { return Ok(false) };
    let account = Account::of(app, organization, found.customer_id).await?;
    let zone = account.zone();
    let Some((at, step)) = wallet::next_step(&found, zone, until) else {
        // Due by another zone's days, or not at all: it must not be found again.
        if found.next_due.is_some_and(|at| at <= until) {
            let moved = found.value.clone().scheduled(zone);
            retry_on_conflict(app.execute(app.commit(&account.organization).update(&found, &moved)).await)?;
        }
        return Ok(false);
    };
    match &step {
        Step::Look => {
            let usage_cents = crate::usage::unbilled_cents(app, &account.organization, found.customer_id).await?;
            let seen = wallet::look(&found, usage_cents, at).scheduled(zone);
            retry_on_conflict(app.execute(app.commit(&account.organization).update(&found, &seen)).await)?;
        }
        Step::Expire => {
            end(app, &account.organization, found, at).await?;
        }
        Step::TopUp(top_up) | Step::Interval(top_up) => {
            let (commit, _) = fill(app, &account, &found, found.after(&step), top_up).await?;
            retry_on_conflict(app.execute(commit).await)?;
        }
    }
    Ok(true)
}

/// Puts what is due of a customer's wallet at its instant in the zone that applies now.
///
/// # Errors
/// The table did not answer.
pub(crate) async fn rescheduled(
    app: &App,
    organization: &Organization,
    commit: Commit,
    live: &[Live],
    zone: domain::time::Zone,
) -> Outcome<Commit> {
    let Some(found) = active(app, organization.id, live).await? else { return Ok(commit) };
    let moved = found.value.clone().scheduled(zone);
    Ok(if moved == found.value { commit } else { commit.update(&found, &moved) })
}

/// A part of a wallet's transactions, newest first, and how many there are.
///
/// # Errors
/// 404 `wallet_not_found`.
pub async fn transactions(
    app: &App,
    organization: &Organization,
    id: Option<WalletId>,
    filter: &TransactionFilter,
    range: impl Fn(usize) -> Range<usize>,
) -> Outcome<(usize, Vec<WalletTransaction>)> {
    let wallet = get(app, organization, id).await?.wallet.value.id;
    let (all, values) = (|total| 0..total, |one: Versioned<WalletTransaction>| one.value);
    if filter.filters_nothing() {
        let listed = app.store.list_wallet_transactions(organization.id, wallet, range).await?;
        return Ok((listed.total, listed.entries.into_iter().map(values).collect()));
    }
    let listed = app.store.list_wallet_transactions(organization.id, wallet, all).await?;
    let mut found: Vec<WalletTransaction> =
        listed.entries.into_iter().map(values).filter(|one| filter.matches(one)).collect();
    let total = found.len();
    Ok((total, found.drain(range(total)).collect()))
}

/// A wallet as a list shows it: with what unbilled usage leaves of it.
///
/// # Errors
/// The table did not answer.
pub async fn shown(app: &App, organization: &Organization, owned: &Owned) -> Outcome<Output> {
    let wallet = &owned.wallet.value;
    let usage_cents =
        if wallet.is_active() { crate::usage::unbilled_cents(app, organization, wallet.customer_id).await? } else { 0 };
    Ok(Output::new(wallet, &owned.external_customer_id, wallet.ongoing(usage_cents)))
}
