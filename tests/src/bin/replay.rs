//! `replay`: plays the flights of 2013 against a running Weir and checks every invoice.

use std::error::Error;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use it::flights::check::{self, Difference, Invoice};
use it::flights::client::{Api, ClientError};
use it::flights::month::Month;
use it::flights::oracle::{ExpectedInvoice, expected_invoices};
use it::flights::play::{self, Sent};
use it::flights::{cut, rows, story};
use serde_json::Value;

const USAGE: &str = "\
replay --data FILE [--url URL] [--admin-key KEY] [--months N] [--connections N]
    Creates the story on a new sandbox organization, plays the flights month by month, checks every invoice.
    FILE: CSV, plain or gzip. Defaults: http://127.0.0.1:3000, weir-local-admin, 12 months, 8 connections.
    Exit status: 0 when every figure is right, 1 otherwise.
replay expected --data FILE [--months N]
    Prints the fees that the oracle expects as CSV, the sum of the invoices last. Needs no server.
replay cut --data FILE --out FILE --days FROM..TO[,FROM..TO...]
    Writes the flights of these local days, both ends included, to a smaller gzip file.";

type Failure = Box<dyn Error>;

/// How often current usage is asked for at the end of a month.
const USAGE_REQUESTS: usize = 9;
/// The carrier whose current usage is timed: the busiest one.
const USAGE_CARRIER: &str = "UA";
/// Differences printed in full; the rest is only counted.
const DIFFERENCES_SHOWN_MAX: usize = 50;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(code) => code,
        Err(error) => {
            eprint!("replay: {error}");
            let mut cause = error.source();
            while let Some(source) = cause {
                eprint!(": {source}");
                cause = source.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

async fn run(mut words: Vec<String>) -> Result<ExitCode, Failure> {
    let command = match words.first().map(String::as_str) {
        Some("cut" | "expected") => words.remove(0),
        _ => "replay".to_owned(),
    };
    let Some(options) = Options::parse(&words)? else {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    match command.as_str() {
        "cut" => {
            let out = options.out.as_deref().ok_or("`--out` is missing")?;
            println!("{} flights", cut::write(options.data()?, out, &options.days)?);
            Ok(ExitCode::SUCCESS)
        }
        "expected" => {
            print_expected(&options)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => replay(&options).await,
    }
}

struct Options {
    url: String,
    admin_key: String,
    data: Option<PathBuf>,
    out: Option<PathBuf>,
    months: usize,
    connections: usize,
    days: Vec<RangeInclusive<NaiveDate>>,
}

impl Options {
    /// None when help is wanted.
    fn parse(words: &[String]) -> Result<Option<Self>, Failure> {
        let mut options = Self {
            url: "http://127.0.0.1:3000".to_owned(),
            admin_key: "weir-local-admin".to_owned(),
            data: None,
            out: None,
            months: 12,
            connections: 8,
            days: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(name) = words.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            let value = words.next().ok_or_else(|| format!("`{name}` needs a value\n{USAGE}"))?;
            match name.as_str() {
                "--url" => options.url.clone_from(value),
                "--admin-key" => options.admin_key.clone_from(value),
                "--data" => options.data = Some(value.into()),
                "--out" => options.out = Some(value.into()),
                "--months" => options.months = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--days" => options.days = value.split(',').map(day_range).collect::<Result<_, _>>()?,
                _ => return Err(format!("unknown option `{name}`\n{USAGE}").into()),
            }
        }
        Ok(Some(options))
    }

    fn data(&self) -> Result<&Path, Failure> {
        Ok(self.data.as_deref().ok_or_else(|| format!("`--data` is missing\n{USAGE}"))?)
    }
}

fn day_range(text: &str) -> Result<RangeInclusive<NaiveDate>, Failure> {
    let (from, to) = text.split_once("..").ok_or_else(|| format!("`{text}` is not FROM..TO"))?;
    Ok(from.parse()?..=to.parse()?)
}

fn print_expected(options: &Options) -> Result<(), Failure> {
    let flights = rows::open(options.data()?)?.collect::<Result<Vec<_>, _>>()?;
    let invoices = expected_invoices(&flights, &Month::first(options.months));
    println!("month,carrier,code,group,units,events_count,precise_unit_amount,amount_cents,taxes_amount_cents");
    for invoice in &invoices {
        let ExpectedInvoice { month, carrier, .. } = invoice;
        for fee in &invoice.fees {
            let events_count = fee.events_count.map(|count| count.to_string()).unwrap_or_default();
            let (group, units) = (fee.group.unwrap_or_default(), fee.units);
            let unit_amount = fee.precise_unit_amount.normalize();
            let (amount, taxes) = (fee.amount_cents, fee.taxes_amount_cents);
            println!("{month},{carrier},{},{group},{units},{events_count},{unit_amount},{amount},{taxes}", fee.code);
        }
        let (amount, taxes) = (invoice.fees_amount_cents, invoice.taxes_amount_cents);
        println!("{month},{carrier},invoice,,,,,{amount},{taxes}");
    }
    let total = invoices.iter().map(|invoice| invoice.total_amount_cents).sum();
    eprintln!("{} invoices, {} USD with taxes", invoices.len(), money(total));
    Ok(())
}

async fn replay(options: &Options) -> Result<ExitCode, Failure> {
    let mut rows = rows::open(options.data()?)?.peekable();
    let api = story::create(&Api::new(&options.url, &options.admin_key)?).await?;
    let mut expected = Vec::new();
    let mut differences = Vec::new();
    let mut sent = Sent::default();
    let mut usage_times = Vec::new();
    for month in Month::first(options.months) {
        let flights = play::take_month(&mut rows, month)?;
        let invoices = expected_invoices(&flights, &[month]);
        let flights_count = flights.len();
        let month_sent = play::send(&api, flights, options.connections).await?;
        sent = sent.and(month_sent);

        // The clock stands in the month's first minute; the same instant again only drains.
        let drained = timed(api.travel_to(month_opens_at(month))).await?;
        let usage = usage_of(&invoices)?;
        let first_usage = timed(api.get::<Value>(&check::current_usage_path(USAGE_CARRIER))).await?;
        let usage_time = median_usage_time(&api).await?;
        usage_times.push(usage_time);
        let usage_differences = check::check_current_usage(&api, usage).await?;
        let closed = timed(api.travel_to(play::closes_at(month))).await?;

        println!(
            "{month}: {flights_count} flights, {} events in {:.1?} ({}/s), drained in {drained:.1?}, \
             usage of {USAGE_CARRIER} in {usage_time:.1?} (first {first_usage:.1?}), closed in {closed:.1?}",
            month_sent.events_count,
            month_sent.wall,
            month_sent.events_per_second(),
        );
        print_differences(&usage_differences);
        differences.extend(usage_differences);
        print_month(&api, &invoices).await?;
        expected.extend(invoices);
    }
    differences.extend(check::check_all(&api, &expected).await?);
    print_summary(&expected, &differences, sent, usage_times);
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the clock stands while the month's flights happen: where the month before was closed, or at the start.
fn month_opens_at(month: Month) -> chrono::DateTime<chrono::Utc> {
    if month == Month::FIRST { story::starts_at() } else { month.start() + (play::closes_at(month) - month.end()) }
}

fn usage_of(invoices: &[ExpectedInvoice]) -> Result<&ExpectedInvoice, Failure> {
    Ok(invoices.iter().find(|invoice| invoice.carrier == USAGE_CARRIER).ok_or("the oracle lost a carrier")?)
}

async fn median_usage_time(api: &Api) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for _ in 0..USAGE_REQUESTS {
        times.push(timed(api.get::<Value>(&check::current_usage_path(USAGE_CARRIER))).await?);
    }
    Ok(median(times))
}

/// The upper one of two in the middle; zero of nothing.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

async fn timed<T>(work: impl Future<Output = Result<T, ClientError>>) -> Result<Duration, ClientError> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed())
}

/// One line per carrier. What differs is told in full at the end.
async fn print_month(api: &Api, invoices: &[ExpectedInvoice]) -> Result<(), Failure> {
    println!("  {:<3} {:<24} {:>14} {:>13} {:>14}", "", "number", "fees", "taxes", "total");
    for expected in invoices {
        let issued = check::fetch_invoices(api, expected.carrier, Some(expected.issuing_date)).await?;
        let issued: Vec<&Invoice> = issued.iter().collect();
        let verdict = if check::compare_issued(expected, &issued).is_empty() { "ok" } else { "differs" };
        if issued.is_empty() {
            println!("  {:<3} {:<24} {:>14} {:>13} {:>14}  {verdict}", expected.carrier, "(none)", "-", "-", "-");
        }
        for invoice in issued {
            println!(
                "  {:<3} {:<24} {:>14} {:>13} {:>14}  {verdict}",
                expected.carrier,
                invoice.number,
                money(invoice.fees_amount_cents),
                money(invoice.taxes_amount_cents),
                money(invoice.total_amount_cents),
            );
        }
    }
    Ok(())
}

fn print_differences(differences: &[Difference]) {
    for difference in differences.iter().take(DIFFERENCES_SHOWN_MAX) {
        println!("  {difference}");
    }
    if differences.len() > DIFFERENCES_SHOWN_MAX {
        println!("  and {} more", differences.len() - DIFFERENCES_SHOWN_MAX);
    }
}

fn print_summary(expected: &[ExpectedInvoice], differences: &[Difference], sent: Sent, usage_times: Vec<Duration>) {
    let total = |part: fn(&ExpectedInvoice) -> i64| money(expected.iter().map(part).sum());
    println!(
        "{} invoices expected: fees {}, taxes {}, total {} USD",
        expected.len(),
        total(|invoice| invoice.fees_amount_cents),
        total(|invoice| invoice.taxes_amount_cents),
        total(|invoice| invoice.total_amount_cents),
    );
    println!("{} events in {:.1?}: {}/s sustained", sent.events_count, sent.wall, sent.events_per_second());
    println!("current usage of {USAGE_CARRIER} over a full month: median {:.1?}", median(usage_times));
    print_differences(differences);
    match differences.len() {
        0 => println!("every figure is right"),
        count => println!("{count} figures differ"),
    }
}

/// `1234567` cents are `12,345.67`.
fn money(cents: i64) -> String {
    let digits = (cents.unsigned_abs() / 100).to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default()) // ASCII digits
        .collect();
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", groups.join(","), cents.unsigned_abs() % 100)
}
