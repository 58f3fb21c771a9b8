//! Every table and example of chapter 04, 11, and the laws of a wallet against an obvious model.

use proptest::prelude::*;
use rust_decimal_macros::dec;
use uuid::Uuid;

use super::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn wallet(cents: i64, credits: Decimal, rate: Decimal) -> Wallet {
    Wallet {
        id: WalletId(Uuid::from_u128(1)),
        customer_id: CustomerId(Uuid::from_u128(2)),
        currency: Currency::EUR,
        name: None,
        rate,
        state: State::Active,
        balance: Balance { cents, credits, consumed: dec!(0) },
        expiration_at: None,
        rule: None,
        owed: Vec::new(),
        look_at: None,
        is_low_by_usage: false,
        last_interval_at: None,
        last_balance_sync_at: None,
        last_consumed_at: None,
        next_due: None,
        created_at: at("2021-02-20T12:00:00Z"),
        created_seq: 1,
    }
}

fn rule(trigger: Trigger, interval: Option<Interval>, threshold: Decimal) -> Rule {
    Rule {
        id: WalletRuleId(Uuid::from_u128(3)),
        trigger,
        interval,
        threshold,
        paid: dec!(0),
        granted: dec!(5),
        created_at: at("2021-02-20T12:00:00Z"),
        since: at("2021-02-20T12:00:00Z"),
    }
}

fn invoice(number: u128) -> InvoiceId {
    InvoiceId(Uuid::from_u128(number << 16))
}

const NOW: &str = "2024-01-09T08:59:51Z";

fn filled(wallet: &Wallet, paid: Decimal, granted: Decimal) -> Change {
    let wanted = TopUp { paid, granted, source: Source::Manual, occasion: Uuid::from_u128(9), at: at(NOW) };
    let mut seq = 10;
    let mut next = || {
        seq += 1;
        seq
    };
    top_up(wallet, &wanted, &mut next).unwrap()
}

/// 11.4 and the example of 11.5: 1000 cents / 10 credits, bought 10, granted 15: at once 2500 / 25; 3500 / 35 when paid.
#[test]
fn a_grant_counts_at_once_and_a_purchase_when_it_is_paid() {
    let change = filled(&wallet(1000, dec!(10), dec!(1)), dec!(10), dec!(15));
    let [purchase, grant] = change.transactions.as_slice() else { panic!("two transactions") };
    assert_eq!((purchase.purpose, purchase.status(), purchase.amount), (Purpose::Purchased, "pending", dec!(10)));
    assert_eq!((grant.purpose, grant.status(), grant.settled_at), (Purpose::Granted, "settled", Some(at(NOW))));
    assert_eq!(change.wallet.balance, Balance { cents: 2500, credits: dec!(25), consumed: dec!(0) });
    assert_eq!(purchase.price_cents(Currency::EUR), 1000);
    let paid = settle(&change.wallet, purchase, at("2024-02-01T00:00:00Z")).unwrap().unwrap();
    assert_eq!(paid.wallet.balance, Balance { cents: 3500, credits: dec!(35), consumed: dec!(0) });
    assert_eq!(paid.wallet.last_balance_sync_at, Some(at("2024-02-01T00:00:00Z")));
    // Paid again: no effect.
    assert_eq!(settle(&paid.wallet, &paid.transactions[0], at("2024-02-02T00:00:00Z")), Ok(None));
}

#[test]
fn credits_are_worth_their_rate_truncated_and_cost_it_rounded() {
    let check = |rate: Decimal, credits: Decimal, amount: Decimal, price: i64, worth: i64| {
        let change = filled(&wallet(0, dec!(0), rate), credits, credits);
        let purchase = &change.transactions[0];
        assert_eq!((purchase.amount, purchase.price_cents(Currency::EUR)), (amount, price), "{rate} x {credits}");
        let granted = change.transactions.iter().filter(|one| one.settled_at.is_some()).count();
        // What costs nothing is settled at once, and both are worth the same.
        assert_eq!(change.wallet.balance.cents, worth * i64::try_from(granted).unwrap(), "{rate} x {credits}");
    };
    check(dec!(1), dec!(15), dec!(15), 1500, 1500);
    check(dec!(5), dec!(2.468), dec!(12.34), 1234, 1234);
    check(dec!(0.333), dec!(1), dec!(0.333), 33, 33);
    check(dec!(0.12345), dec!(0.5), dec!(0.06173), 6, 6);
    check(dec!(1), dec!(0.006), dec!(0.006), 1, 0);
    check(dec!(0.00001), dec!(1), dec!(0.00001), 0, 0);
}

#[test]
fn a_purchase_that_costs_nothing_is_settled_at_once() {
    let change = filled(&wallet(0, dec!(0), dec!(0.001)), dec!(4), dec!(0));
    assert_eq!(change.wallet.balance, Balance { cents: 0, credits: dec!(4), consumed: dec!(0) });
    assert_eq!(change.transactions[0].settled_at, Some(at(NOW)));
}

/// The table of 11.6: balance and rate, total; cents, credits and amount taken; what is left of cents, credits.
#[test]
fn an_invoice_takes_what_it_can() {
    let check =
        |(cents, credits, rate): (i64, Decimal, Decimal), total, taken: Option<(i64, Decimal, Decimal)>, left| {
            let before = wallet(cents, credits, rate);
            let change = consume(&before, total, invoice(1), at(NOW), 5);
            let found = change.as_ref().map(|change| {
                let [taken] = change.transactions.as_slice() else { panic!("one transaction") };
                assert_eq!(
                    (taken.purpose, taken.status(), taken.invoice_id),
                    (Purpose::Invoiced, "settled", Some(invoice(1)))
                );
                assert_eq!(change.wallet.last_consumed_at, Some(at(NOW)));
                assert_eq!(change.wallet.balance.consumed, taken.credits);
                (taken.cents, taken.credits, taken.amount)
            });
            assert_eq!(found, taken, "{total}");
            let after = change.map_or(before.balance, |change| change.wallet.balance);
            assert_eq!((after.cents, after.credits), left, "{total}");
        };
    let ten = (1000, dec!(10), dec!(1));
    check(ten, 100, Some((100, dec!(1), dec!(1))), (900, dec!(9)));
    check(ten, 1500, Some((1000, dec!(10), dec!(10))), (0, dec!(0)));
    check((30, dec!(0.3), dec!(1)), 120, Some((30, dec!(0.3), dec!(0.3))), (0, dec!(0)));
    check((5000, dec!(10), dec!(5)), 1234, Some((1234, dec!(2.468), dec!(12.34))), (3766, dec!(7.532)));
    check((3000, dec!(10), dec!(3)), 100, Some((100, dec!(0.33333), dec!(1))), (2900, dec!(9.66667)));
    check(ten, 0, None, (1000, dec!(10)));
    check((0, dec!(0), dec!(1)), 100, None, (0, dec!(0)));
}

#[test]
fn an_ended_wallet_pays_nothing_and_gets_nothing_back_but_late_payments_count() {
    let change = filled(&wallet(1000, dec!(10), dec!(1)), dec!(10), dec!(0));
    let used = consume(&change.wallet, 100, invoice(1), at(NOW), 5).unwrap();
    let ended = terminate(&used.wallet, at(NOW));
    assert_eq!(ended.terminated_at(), Some(at(NOW)));
    assert_eq!(terminate(&ended, at("2025-01-01T00:00:00Z")), ended);
    assert_eq!(consume(&ended, 100, invoice(2), at(NOW), 5), None);
    assert_eq!(give_back(&ended, &used.transactions[0], at(NOW), 6), Ok(None));
    let paid = settle(&ended, &change.transactions[0], at(NOW)).unwrap().unwrap();
    assert_eq!(paid.wallet.balance, Balance { cents: 1900, credits: dec!(19), consumed: dec!(1) });
    assert!(!paid.wallet.is_active());
}

/// 6.6: example 2, and what rounding took comes back to the cent.
#[test]
fn a_void_gives_back_exactly_what_was_taken() {
    let before = wallet(3000, dec!(10), dec!(3));
    let used = consume(&before, 100, invoice(1), at(NOW), 5).unwrap();
    let back = give_back(&used.wallet, &used.transactions[0], at("2024-02-01T00:00:00Z"), 6).unwrap().unwrap();
    assert_eq!(back.wallet.balance, before.balance);
    let given = &back.transactions[0];
    assert_eq!((given.purpose.direction(), given.status(), given.invoice_id), (Direction::Inbound, "settled", None));
    assert_eq!((given.amount, given.credits, given.cents), (dec!(1), dec!(0.33333), 100));
    assert_eq!(given.settled_at, Some(at("2024-02-01T00:00:00Z")));
    assert_ne!(given.id, used.transactions[0].id);
    // Consumed credits never fall below 0.
    let none_consumed = Wallet { balance: Balance { consumed: dec!(0.2), ..used.wallet.balance }, ..used.wallet };
    let back = give_back(&none_consumed, &used.transactions[0], at(NOW), 6).unwrap().unwrap();
    assert_eq!(back.wallet.balance.consumed, dec!(0));
}

/// 11.7: 10 credits, 4.5 used.
#[test]
fn a_threshold_is_looked_at_after_every_use() {
    let check = |threshold, triggers| {
        let mut before = wallet(1000, dec!(10), dec!(1));
        before.rule = Some(rule(Trigger::Threshold, None, threshold));
        assert_eq!(next_due(&before, Zone::UTC), None, "nothing is triggered by being low");
        let used = consume(&before, 450, invoice(1), at(NOW), 5).unwrap().wallet;
        assert_eq!((used.balance.cents, used.balance.credits, used.balance.consumed), (550, dec!(5.5), dec!(4.5)));
        assert_eq!(used.owed.len(), usize::from(triggers), "{threshold}");
        // Again below: again, whatever is still to come.
        let twice = consume(&used, 1, invoice(2), at(NOW), 5).unwrap().wallet;
        assert_eq!(twice.owed.len(), if triggers { 2 } else { 0 }, "{threshold}");
    };
    check(dec!(6), true);
    check(dec!(5.5), true);
    check(dec!(2), false);
}

/// Chapter 09: threshold top-ups look at the ongoing balance.
#[test]
fn usage_that_brings_the_ongoing_balance_to_the_threshold_tops_up_once() {
    let low = |paid, granted| {
        let mut before = wallet(1000, dec!(10), dec!(1));
        before.rule = Some(Rule { paid, granted, ..rule(Trigger::Threshold, None, dec!(6)) });
        before.look_at = Some(at(NOW));
        assert_eq!(next_step(&before, Zone::UTC, at(NOW)), Some((at(NOW), Step::Look)));
        let above = look(&before, 399, at(NOW));
        assert_eq!((above.owed.len(), above.is_low_by_usage, above.look_at), (0, false, None));
        let low = look(&before, 400, at(NOW));
        assert_eq!((low.owed.len(), low.is_low_by_usage), (1, true));
        assert_eq!((low.owed[0].at, low.owed[0].source), (at("2024-01-09T08:59:53Z"), Source::Threshold));
        assert_eq!(look(&low, 450, at("2024-01-10T00:00:00Z")).owed.len(), 1, "answered");
        low
    };
    // Bought credits that wait for their payment: the invoice of the usage does not buy again, the next one does.
    let bought = low(dec!(5), dec!(0));
    let billed = consume(&bought, 450, invoice(1), at("2024-02-01T00:00:00Z"), 5).unwrap().wallet;
    assert_eq!((billed.owed.len(), billed.is_low_by_usage), (1, false));
    assert_eq!(consume(&billed, 1, invoice(2), at("2024-02-01T00:00:00Z"), 5).unwrap().wallet.owed.len(), 2);
    // Granted ones lift the balance at once: usage may bring it down again.
    let granted = low(dec!(0), dec!(5));
    let (_, step) = next_step(&granted, Zone::UTC, Instant::MAX_UTC).unwrap();
    let Step::TopUp(made) = &step else { panic!("{step:?}") };
    let lifted = top_up(&granted.after(&step), made, &mut || 1).unwrap().wallet;
    assert_eq!((lifted.balance.credits, lifted.is_low_by_usage), (dec!(15), false));
    assert_eq!(look(&lifted, 899, at(NOW)).owed.len(), 0);
    assert_eq!(look(&lifted, 900, at(NOW)).owed.len(), 1);
    // A balance that is low by itself waits for an invoice.
    let mut empty = wallet(600, dec!(6), dec!(1));
    empty.rule = Some(rule(Trigger::Threshold, None, dec!(6)));
    assert_eq!(look(&empty, 100, at(NOW)).owed.len(), 0);
    assert_eq!(look(&wallet(600, dec!(6), dec!(1)), 600, at(NOW)).owed.len(), 0);
}

#[test]
fn a_triggered_top_up_is_made_two_seconds_later_once() {
    let mut before = wallet(1000, dec!(10), dec!(1));
    before.rule = Some(rule(Trigger::Threshold, None, dec!(9)));
    let used = consume(&before, 200, invoice(1), at(NOW), 5).unwrap().wallet;
    let due = at("2024-01-09T08:59:53Z");
    assert_eq!(next_step(&used, Zone::UTC, at("2024-01-09T08:59:52.999999Z")), None);
    let (when, step) = next_step(&used, Zone::UTC, due).unwrap();
    assert_eq!(when, due);
    let Step::TopUp(made) = &step else { panic!("{step:?}") };
    assert_eq!((made.granted, made.source, made.at), (dec!(5), Source::Threshold, due));
    let after = used.after(&step);
    assert_eq!(next_step(&after, Zone::UTC, at("2030-01-01T00:00:00Z")), None);
    // The credits are those of the moment it was triggered; a rule of nothing triggers nothing.
    before.rule = Some(Rule { granted: dec!(0), ..before.rule.unwrap() });
    assert!(
        consume(&Wallet { rule: before.rule.clone(), ..before }, 200, invoice(1), at(NOW), 5)
            .unwrap()
            .wallet
            .owed
            .is_empty()
    );
}

/// The instants at which a rule fires, each at minute 55 of the first hour of a local day.
fn firings(created: &str, interval: Interval, zone: &str, count: usize) -> Vec<String> {
    let zone = Zone::parse(zone).unwrap();
    let created = at(created);
    let mut wallet = Wallet { created_at: created, ..wallet(0, dec!(0), dec!(1)) };
    wallet.rule = Some(Rule { since: created, ..rule(Trigger::Interval, Some(interval), dec!(0)) });
    (0..count)
        .map(|_| {
            let (when, step) = next_step(&wallet, zone, Instant::MAX_UTC).unwrap();
            assert_eq!(when.timestamp() % 3600, 55 * 60);
            wallet = wallet.after(&step);
            when.format("%Y-%m-%dT%H:%M").to_string()
        })
        .collect()
}

/// The examples of 11.7, and the days between them that the conditions say.
#[test]
fn intervals_fire_on_the_days_of_the_wallets_creation() {
    let check = |created: &str, interval, expected: &[&str]| {
        let found = firings(created, interval, "UTC", expected.len());
        let days: Vec<&str> = found.iter().map(|when| when.strip_suffix("T00:55").unwrap()).collect();
        assert_eq!(days, expected, "{created} {interval:?}");
    };
    check("2021-02-20T12:00:00Z", Interval::Weekly, &["2021-02-27", "2021-03-06", "2021-03-13"]);
    check("2021-02-20T12:00:00Z", Interval::Monthly, &["2021-03-20", "2021-04-20"]);
    check("2021-02-20T12:00:00Z", Interval::Quarterly, &["2021-05-20", "2021-08-20"]);
    check("2021-02-20T12:00:00Z", Interval::Yearly, &["2022-02-20", "2023-02-20"]);
    check("2021-03-31T12:00:00Z", Interval::Monthly, &["2021-04-30", "2021-05-31", "2021-06-30"]);
    check(
        "2021-03-31T12:00:00Z",
        Interval::Quarterly,
        &["2021-06-30", "2021-09-30", "2021-12-31", "2022-03-31", "2022-06-30"],
    );
    check("2021-03-15T12:00:00Z", Interval::Quarterly, &["2021-06-15", "2021-09-15", "2021-12-15", "2022-03-15"]);
    check("2020-02-29T12:00:00Z", Interval::Yearly, &["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]);
    check("2023-01-29T12:00:00Z", Interval::Monthly, &["2023-02-28", "2023-03-29"]);
    check("2024-01-30T12:00:00Z", Interval::Monthly, &["2024-02-29", "2024-03-30"]);
    // A month of 30 days on its last day: every last day of February, and the 30th elsewhere.
    check("2021-11-30T12:00:00Z", Interval::Monthly, &["2021-12-30", "2022-01-30", "2022-02-28"]);
    check("2021-02-28T12:00:00Z", Interval::Yearly, &["2022-02-28", "2023-02-28", "2024-02-28"]);
}

/// The conditions of 11.7, read word by word, against every day of five years.
#[test]
fn the_conditions_hold_for_every_pair_of_days() {
    let start: chrono::NaiveDate = "2020-02-25".parse().unwrap();
    use chrono::Datelike;
    for created in start.iter_days().take(400) {
        for today in start.iter_days().skip(1).step_by(1).take(1600) {
            let last = (today + chrono::Days::new(1)).day() == 1;
            let monthly = created.day() == today.day() || (last && created.day() >= today.day());
            let congruent = (i64::from(created.month()) - i64::from(today.month())).rem_euclid(3) == 0;
            let leap = today.year() % 4 == 0;
            let february = today.month() == 2 && today.day() == 28 && !leap;
            let yearly = created.month() == today.month()
                && (created.day() == today.day() || (february && (created.day() == 28 || created.day() == 29)));
            assert_eq!(fires_on(Interval::Monthly, created, today), monthly, "{created} {today}");
            assert_eq!(fires_on(Interval::Quarterly, created, today), congruent && monthly, "{created} {today}");
            assert_eq!(fires_on(Interval::Yearly, created, today), yearly, "{created} {today}");
            let weeks = (today - created).num_days().rem_euclid(7) == 0;
            assert_eq!(fires_on(Interval::Weekly, created, today), weeks, "{created} {today}");
        }
    }
}

#[test]
fn days_are_the_customers() {
    // 30 April, 20:00 in Los Angeles: the local day is the 30th, which starts at 07:00 UTC.
    let found = firings("2024-05-01T03:00:00Z", Interval::Monthly, "America/Los_Angeles", 2);
    assert_eq!(found, ["2024-05-30T07:55", "2024-06-30T07:55"]);
    // 18:30 UTC is midnight in Kolkata: the first mark of the day is half an hour old there.
    let found = firings("2024-01-31T12:00:00Z", Interval::Monthly, "Asia/Kolkata", 2);
    assert_eq!(found, ["2024-02-28T18:55", "2024-03-30T18:55"]);
    // The clock goes forward at midnight in Santiago: the day starts at 04:00 UTC.
    let found = firings("2024-08-08T12:00:00Z", Interval::Monthly, "America/Santiago", 1);
    assert_eq!(found, ["2024-09-08T04:55"]);
}

#[test]
fn a_rule_made_on_its_day_fires_at_the_next_mark_of_that_day() {
    let check = |since: &str, last: Option<&str>, expected: &str| {
        let mut wallet = wallet(0, dec!(0), dec!(1));
        wallet.rule = Some(Rule { since: at(since), ..rule(Trigger::Interval, Some(Interval::Monthly), dec!(0)) });
        wallet.last_interval_at = last.map(at);
        assert_eq!(next_due(&wallet, Zone::UTC), Some(at(expected)), "{since} {last:?}");
    };
    check("2021-04-20T10:30:00Z", None, "2021-04-20T10:55:00Z");
    check("2021-04-20T10:55:00Z", None, "2021-04-20T11:55:00Z");
    check("2021-04-20T23:56:00Z", None, "2021-05-20T00:55:00Z");
    check("2021-04-20T10:30:00Z", Some("2021-04-20T00:55:00Z"), "2021-05-20T00:55:00Z");
    // Not on the day of the wallet's own creation.
    check("2021-02-20T13:00:00Z", None, "2021-03-20T00:55:00Z");
}

#[test]
fn wallets_expire_at_minute_45() {
    let check = |expiration: &str, expected: &str| {
        let wallet = Wallet { expiration_at: Some(at(expiration)), ..wallet(0, dec!(0), dec!(1)) };
        assert_eq!(next_step(&wallet, Zone::UTC, Instant::MAX_UTC), Some((at(expected), Step::Expire)), "{expiration}");
    };
    check("2024-03-01T10:00:00Z", "2024-03-01T10:45:00Z");
    check("2024-03-01T10:45:00Z", "2024-03-01T10:45:00Z");
    check("2024-03-01T10:45:00.9Z", "2024-03-01T10:45:00Z");
    check("2024-03-01T10:45:01Z", "2024-03-01T11:45:00Z");
    check("2024-03-01T23:59:59Z", "2024-03-02T00:45:00Z");
}

/// What happens to a wallet in the law below.
#[derive(Debug, Clone, Copy)]
enum Happening {
    TopUp { paid: u32, granted: u32 },
    Pay(usize),
    Use { total: i64, invoice: u8 },
    Void(u8),
    Terminate,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        3 => (0_u32..3_000_000, 0_u32..3_000_000).prop_map(|(paid, granted)| Happening::TopUp { paid, granted }),
        3 => (0_usize..6).prop_map(Happening::Pay),
        4 => (0_i64..4000, 0_u8..8).prop_map(|(total, invoice)| Happening::Use { total, invoice }),
        3 => (0_u8..8).prop_map(Happening::Void),
        1 => Just(Happening::Terminate),
    ];
    prop::collection::vec(one, 0..40)
}

/// Sums of what the transactions of a wallet say: minor units and credits.
fn told(transactions: &[WalletTransaction]) -> (i64, Decimal) {
    transactions.iter().filter(|one| one.settled_at.is_some()).fold((0, Decimal::ZERO), |(cents, credits), one| {
        match one.purpose.direction() {
            Direction::Inbound => (cents + one.cents, credits + one.credits),
            Direction::Outbound => (cents - one.cents, credits - one.credits),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, in any order, twice or not: the balance is what its transactions say, nothing is used that is not
    /// there, and no purchase counts twice.
    #[test]
    fn a_balance_is_the_sum_of_its_transactions(rate in 1_i64..1_000_000, story in happenings()) {
        let mut wallet = wallet(0, dec!(0), Decimal::new(rate, 5));
        let mut all: Vec<WalletTransaction> = Vec::new();
        for (number, happening) in story.into_iter().enumerate() {
            let occasion = Uuid::from_u128(number as u128);
            let change = match happening {
                Happening::TopUp { paid, granted } if wallet.is_active() => {
                    let (paid, granted) = (Decimal::new(paid.into(), 5), Decimal::new(granted.into(), 5));
                    let wanted = TopUp { paid, granted, source: Source::Manual, occasion, at: at(NOW) };
                    Some(top_up(&wallet, &wanted, &mut || 1).unwrap())
                }
                Happening::Pay(which) => {
                    let purchase = all.iter().filter(|one| one.purpose == Purpose::Purchased).nth(which);
                    purchase.and_then(|purchase| settle(&wallet, purchase, at(NOW)).unwrap())
                }
                // An invoice that was debited is not debited again: its means are looked at once.
                Happening::Use { total, invoice: number }
                    if !all.iter().any(|one| one.purpose == Purpose::Invoiced && one.invoice_id == Some(invoice(number.into()))) =>
                {
                    let before = wallet.balance.cents;
                    let change = consume(&wallet, total, invoice(number.into()), at(NOW), 1);
                    if let Some(change) = &change {
                        prop_assert_eq!(change.transactions[0].cents, total.min(before));
                    }
                    change
                }
                Happening::Void(number) => {
                    let taken = all.iter().find(|one| {
                        one.purpose == Purpose::Invoiced && one.invoice_id == Some(invoice(number.into()))
                    });
                    let back = taken.and_then(|taken| give_back(&wallet, taken, at(NOW), 1).unwrap());
                    // An invoice is voided once.
                    back.filter(|back| !all.iter().any(|one| one.id == back.transactions[0].id))
                }
                Happening::Terminate => {
                    wallet = terminate(&wallet, at(NOW));
                    None
                }
                Happening::TopUp { .. } | Happening::Use { .. } => None,
            };
            if let Some(change) = change {
                wallet = change.wallet;
                for one in change.transactions {
                    all.retain(|known| known.id != one.id);
                    all.push(one);
                }
            }
            prop_assert_eq!((wallet.balance.cents, wallet.balance.credits), told(&all));
            prop_assert!(wallet.balance.cents >= 0 && wallet.balance.credits >= dec!(0) && wallet.balance.consumed >= dec!(0));
        }
    }
}
