//! Coupons, and coupons applied to customers (chapter 05, 2.4, 2.7 and 2.8).

use app::organization::parse_id;
use app::{App, Failure, Outcome, coupon};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete as deleting, get, post};
use domain::coupon::Coupon;
use wire::coupon::{AppliedOutput, AppliedStatus, Calendar};
use wire::schema::inputs::{AppliedCouponInput, CouponInput};

use crate::call::Call;
use crate::error::ApiResult;
use crate::openapi::operation::{self, Operation, ParameterKind};
use crate::reply;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/coupons", post(create).get(list))
        .route("/coupons/{code}", get(show).put(update).patch(update).delete(delete))
        .route("/applied_coupons", post(apply).get(list_applied))
        .route("/customers/{external_id}/applied_coupons/{id}", deleting(remove))
}

pub(crate) fn operations() -> Vec<Operation> {
    operation::of(
        "coupons",
        [
            operation::post("/coupons", "createCoupon", "Create a coupon")
                .takes::<CouponInput>("coupon")
                .gives::<wire::coupon::Output>("coupon")
                .missing(&["plans", "billable_metrics"])
                .refuses(405, &["only_one_limitation_type_per_coupon_allowed"]),
            operation::get("/coupons", "listCoupons", "List coupons")
                .notes("Newest first.")
                .lists::<wire::coupon::Output>("coupons"),
            operation::get("/coupons/{code}", "retrieveCoupon", "Retrieve a coupon")
                .gives::<wire::coupon::Output>("coupon")
                .missing(&["coupon"]),
            operation::update("/coupons/{code}", "updateCoupon", "Update a coupon")
                .notes("Once applied, only name and expiration change; the rest is ignored.")
                .edits::<CouponInput>("coupon")
                .gives::<wire::coupon::Output>("coupon")
                .missing(&["coupon", "plans", "billable_metrics"])
                .refuses(405, &["only_one_limitation_type_per_coupon_allowed"]),
            operation::delete("/coupons/{code}", "deleteCoupon", "Delete a coupon")
                .notes("Ends its active applications.")
                .gives::<wire::coupon::Output>("coupon")
                .missing(&["coupon"]),
            operation::post("/applied_coupons", "applyCoupon", "Apply a coupon to a customer")
                .notes("Fields of the coupon that are sent again hold for this application.")
                .takes::<AppliedCouponInput>("applied_coupon")
                .gives::<AppliedOutput>("applied_coupon")
                .missing(&["customer", "coupon"])
                .refuses(405, &["plan_overlapping"]),
            operation::get("/applied_coupons", "listAppliedCoupons", "List applied coupons")
                .notes("Newest first, with their credits.")
                .lists::<AppliedOutput>("applied_coupons")
                .query("external_customer_id", ParameterKind::Text("acme"), "Of this customer.")
                .query("status", ParameterKind::Word(&["active", "terminated"]), "In this state."),
            operation::delete(
                "/customers/{external_id}/applied_coupons/{id}",
                "removeAppliedCoupon",
                "Remove a coupon from a customer",
            )
            .gives::<AppliedOutput>("applied_coupon")
            .missing(&["customer", "applied_coupon"]),
        ],
    )
}

fn calendar(app: &App, call: &Call) -> Calendar {
    Calendar { zone: call.organization.timezone, now: app.now(&call.organization) }
}

async fn shown(app: &App, call: &Call, coupon: &Coupon) -> ApiResult {
    let mut outputs = coupon::shown(app, call.organization.id, std::slice::from_ref(coupon)).await?;
    let output: Outcome<_> = outputs.pop().ok_or_else(|| Failure::Bug("a coupon has no output".to_owned()));
    reply::one("coupon", &output?)
}

async fn create(State(app): State<App>, call: Call) -> ApiResult {
    let (new, targets) = wire::coupon::parse_new(call.root("coupon")?, calendar(&app, &call));
    let coupon = coupon::create(&app, &call.organization, new, &targets).await?;
    shown(&app, &call, &coupon).await
}

async fn list(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let listed =
        app.store.list_coupons(call.organization.id, |total| paging.range(total)).await.map_err(Failure::from)?;
    let coupons: Vec<Coupon> = listed.entries.into_iter().map(|coupon| coupon.value).collect();
    let outputs = coupon::shown(&app, call.organization.id, &coupons).await?;
    reply::page("coupons", paging, listed.total, &outputs)
}

async fn show(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let coupon = coupon::by_code(&app, call.organization.id, &code).await?;
    shown(&app, &call, &coupon).await
}

async fn update(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    // An unknown object is told before a missing root (00-index).
    coupon::by_code(&app, call.organization.id, &code).await?;
    let (update, targets) = wire::coupon::parse_update(call.root("coupon")?, calendar(&app, &call));
    let coupon = coupon::update(&app, &call.organization, &code, update, &targets).await?;
    shown(&app, &call, &coupon).await
}

async fn delete(State(app): State<App>, Path(code): Path<String>, call: Call) -> ApiResult {
    let coupon = coupon::delete(&app, &call.organization, &code).await?;
    shown(&app, &call, &coupon).await
}

async fn apply(State(app): State<App>, call: Call) -> ApiResult {
    let request = wire::coupon::parse_request(call.root("applied_coupon")?);
    reply::one("applied_coupon", &coupon::apply(&app, &call.organization, &request).await?)
}

async fn list_applied(State(app): State<App>, call: Call) -> ApiResult {
    let paging = call.query.paging();
    let holder = call.query.get("external_customer_id");
    let status = call.query.get("status").and_then(AppliedStatus::parse);
    let range = |total| paging.range(total);
    let (total, outputs) = coupon::list_applied(&app, &call.organization, holder, status, range).await?;
    reply::page("applied_coupons", paging, total, &outputs)
}

async fn remove(State(app): State<App>, Path((external_id, id)): Path<(String, String)>, call: Call) -> ApiResult {
    let removed = coupon::remove(&app, &call.organization, &external_id, parse_id(&id)).await?;
    reply::one("applied_coupon", &removed)
}
