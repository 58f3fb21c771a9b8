//! Routes, one module per resource.

mod add_ons;
mod admin;
mod analytics;
mod api_keys;
mod billable_metrics;
mod coupons;
mod credit_notes;
mod customers;
mod documents;
mod events;
mod fee_explanations;
mod fees;
mod health;
mod invoices;
mod organizations;
mod page;
mod plans;
mod provider_callbacks;
mod reference;
mod subscriptions;
mod taxes;
mod test_clock;
mod wallets;
mod webhook_endpoints;
mod webhooks;

use app::App;
use axum::Router;

use crate::openapi::operation::Operation;

/// Every route.
pub(crate) fn all() -> Router<App> {
    let v1 = Router::new()
        .merge(analytics::routes())
        .merge(api_keys::routes())
        .merge(add_ons::routes())
        .merge(billable_metrics::routes())
        .merge(coupons::routes())
        .merge(credit_notes::routes())
        .merge(customers::routes())
        .merge(events::routes())
        .merge(fee_explanations::routes())
        .merge(fees::routes())
        .merge(invoices::routes())
        .merge(organizations::routes())
        .merge(plans::routes())
        .merge(reference::routes())
        .merge(subscriptions::routes())
        .merge(taxes::routes())
        .merge(test_clock::routes())
        .merge(wallets::routes())
        .merge(webhook_endpoints::routes())
        .merge(webhooks::routes());
    Router::new()
        .nest("/api/v1", v1)
        .merge(admin::routes())
        .merge(documents::routes())
        .merge(health::routes())
        .merge(page::routes())
        .merge(provider_callbacks::routes())
}

/// What the document says of every route.
pub(crate) fn operations() -> Vec<Operation> {
    let v1 = [
        add_ons::operations(),
        analytics::operations(),
        api_keys::operations(),
        billable_metrics::operations(),
        coupons::operations(),
        credit_notes::operations(),
        customers::operations(),
        events::operations(),
        fee_explanations::operations(),
        fees::operations(),
        invoices::operations(),
        organizations::operations(),
        plans::operations(),
        reference::operations(),
        subscriptions::operations(),
        taxes::operations(),
        test_clock::operations(),
        wallets::operations(),
        webhook_endpoints::operations(),
        webhooks::operations(),
    ];
    let below = |operation: Operation| Operation { path: format!("/api/v1{}", operation.path), ..operation };
    let others = [admin::operations(), documents::operations(), health::operations()];
    v1.into_iter().flatten().map(below).chain(others.into_iter().flatten()).collect()
}
