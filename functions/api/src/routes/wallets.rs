//! Wallets and their transactions (chapter 05, 2.14 and 2.15).

use app::organization::parse_id;
use app::wallet::{self, Owned};
use app::{App, Failure, Rejection};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use domain::organization::Organization;
use wire::schema::inputs::{WalletChangeInput, WalletInput, WalletTransactionInput};
use wire::wallet::{self as wire_wallet, TransactionFilter, TransactionOutput};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/wallets", post(create).get(list))
        .route("/wallets/{id}", get(show).put(update).patch(update).delete(terminate))
        .route("/wallets/{id}/wallet_transactions", get(transactions))
        .route("/wallet_transactions", post(top_up))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "wallets",
        [
            operation::post("/wallets", "createWallet", "Create a wallet")
                .notes("Its first credits arrive a moment later.")
                .takes::<WalletInput>("wallet")
                .gives::<wire_wallet::Output>("wallet"),
            operation::get("/wallets", "listWallets", "List the wallets of a customer")
                .notes("Oldest first.")
                .lists::<wire_wallet::Output>("wallets")
                .needs("external_customer_id", ParameterKind::Text("acme"), "The customer.")
                .missing(&["customer"]),
            operation::get("/wallets/{id}", "retrieveWallet", "Retrieve a wallet")
                .gives::<wire_wallet::Output>("wallet")
                .missing(&["wallet"]),
            operation::update("/wallets/{id}", "updateWallet", "Update a wallet")
                .takes::<WalletChangeInput>("wallet")
                .gives::<wire_wallet::Output>("wallet")
                .missing(&["wallet"]),
            operation::delete("/wallets/{id}", "terminateWallet", "Terminate a wallet")
                .gives::<wire_wallet::Output>("wallet")
                .missing(&["wallet"]),
            operation::get(
                "/wallets/{id}/wallet_transactions",
                "listWalletTransactions",
                "List the transactions of a wallet",
            )
            .notes("Newest first.")
            .lists::<TransactionOutput>("wallet_transactions")
            .query("status", ParameterKind::Words(&["pending", "settled"]), "In one of these states.")
            .query("transaction_type", ParameterKind::Words(&["inbound", "outbound"]), "In one of these directions.")
            .missing(&["wallet"]),
            operation::post("/wallet_transactions", "topUpWallet", "Top up a wallet")
                .notes("Credits that are bought are invoiced; those that are given count at once.")
                .takes::<WalletTransactionInput>("wallet_transaction")
                .gives_all::<TransactionOutput>("wallet_transactions"),
        ],
    )
}

async fn shown(app: &App, organization: &Organization, owned: &Owned) -> ApiResult {
    let output = wallet::shown(app, organization, owned).await?;
    reply::one("wallet", &output.with_rules(&owned.wallet))
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let new = wire_wallet::parse_new(call.root("wallet")?);
    let made = wallet::create(&app, &call.organization, &new).await?;
    shown(&app, &call.organization, &made).await
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let customer = call.query.get("external_customer_id").ok_or(Failure::from(Rejection::NotFound("customer")))?;
    let paging = call.query.paging();
    let (total, found) = wallet::list(&app, &call.organization, customer, |total| paging.range(total)).await?;
    let mut outputs = Vec::with_capacity(found.len());
    for owned in &found {
        outputs.push(wallet::shown(&app, &call.organization, owned).await?);
    }
    reply::page("wallets", paging, total, &outputs)
}

async fn show(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let found = wallet::get(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &found).await
}

async fn update(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    let id = parse_id(&text);
    wallet::get(&app, &call.organization, id).await?;
    let update = wire_wallet::parse_update(call.root("wallet")?);
    let changed = wallet::update(&app, &call.organization, id, &update).await?;
    shown(&app, &call.organization, &changed).await
}

async fn terminate(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let ended = wallet::terminate(&app, &call.organization, parse_id(&text)).await?;
    shown(&app, &call.organization, &ended).await
}

async fn top_up(State(app): State<App>, call: Call) -> ApiResult {
    let request = wire_wallet::parse_top_up(call.root("wallet_transaction")?);
    let made = wallet::top_up(&app, &call.organization, &request).await?;
    let outputs: Vec<TransactionOutput> = made.iter().map(TransactionOutput::from).collect();
    reply::one("wallet_transactions", &outputs)
}

async fn transactions(State(app): State<App>, Path(text): Path<String>, call: Call) -> ApiResult {
    let filter = TransactionFilter::parse(&call.query.all("status"), &call.query.all("transaction_type"));
    let paging = call.query.paging();
    let range = |total| paging.range(total);
    let (total, found) = wallet::transactions(&app, &call.organization, parse_id(&text), &filter, range).await?;
    let outputs: Vec<TransactionOutput> = found.iter().map(TransactionOutput::from).collect();
    reply::page("wallet_transactions", paging, total, &outputs)
}
