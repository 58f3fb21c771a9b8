//! `Table` as requests to DynamoDB.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder as ConfigBuilder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, ConsumedCapacity, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest,
    ReturnConsumedCapacity, ReturnValue, TransactWriteItem, Update, WriteRequest,
};
use bytes::Bytes;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::attributes::{
    Attributes, cursor_from_attributes, cursor_to_attributes, item_from_attributes, item_to_attributes,
    key_to_attributes, number, present, take_key, take_number, take_text, text,
};
use super::failure::{Backoff, Cause, Failure, GaveUp};
use crate::table::capacity::{self, Meter, Sent, names};
use crate::table::limits;
use crate::table::{
    Condition, Consumed, Found, Index, IndexEntry, IndexPage, Item, Key, Order, Page, Query, Seconds, Table,
    TableError, TransactError, Write,
};

/// Keys of one BatchGetItem.
const KEYS_PER_BATCH_MAX: usize = 100;

/// Writes of one BatchWriteItem.
const WRITES_PER_BATCH_MAX: usize = 25;

/// Batches of one call under way at once.
const BATCHES_AT_ONCE_MAX: usize = 8;

/// Times that a counter which keeps expiring and reappearing is tried.
const EXPIRED_COUNTER_ATTEMPTS_MAX: usize = 4;

// Conditions. `:now`, `:v`: see `values`.
const ABSENT: &str = "attribute_not_exists(pk) OR x <= :now";
const VERSION: &str = "v = :v AND (attribute_not_exists(x) OR x > :now)";
const NOT_EXPIRED: &str = "attribute_not_exists(x) OR x > :now";

/// A counter that is not there begins at zero, version zero; `ADD` does the rest in either case.
const ADD: &str = "SET kind = if_not_exists(kind, :kind), s = if_not_exists(s, :one) ADD n :by, v :one";

/// The table over DynamoDB. Clones share everything.
#[derive(Clone)]
pub struct DynamoTable {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    name: String,
    now: Seconds,
    meter: Meter,
}

fn refused(error: BuildError) -> TableError {
    TableError::Refused(error.to_string())
}

/// The service answers with whole units for writes.
fn units(consumed: &ConsumedCapacity) -> u64 {
    consumed.capacity_units().unwrap_or_default() as u64
}

/// Requests whose repetition must be seen here, because a repeated one may meet its own write.
fn unrepeated() -> ConfigBuilder {
    ConfigBuilder::new().retry_config(RetryConfig::disabled())
}

/// A condition's expression and the values that it names.
fn expression(condition: Condition, now: i64) -> Option<(&'static str, Attributes)> {
    let now = || (":now".to_owned(), number(now));
    match condition {
        Condition::None => None,
        Condition::Absent => Some((ABSENT, HashMap::from([now()]))),
        Condition::Version(version) => Some((VERSION, HashMap::from([now(), (":v".to_owned(), number(version))]))),
    }
}

fn split(expression: Option<(&'static str, Attributes)>) -> (Option<String>, Option<Attributes>) {
    match expression {
        None => (None, None),
        Some((expression, values)) => (Some(expression.to_owned()), Some(values)),
    }
}

fn values_of_add(by: i64, now: i64) -> Attributes {
    HashMap::from([
        (":kind".to_owned(), text("counter")),
        (":one".to_owned(), number(1)),
        (":by".to_owned(), number(by)),
        (":now".to_owned(), number(now)),
    ])
}

fn new_counter(key: &Key, value: i64) -> Item {
    Item { counter: Some(value), ..Item::new(key.clone(), "counter", 1, Bytes::new()) }
}

impl DynamoTable {
    /// The table `name` that `client` reaches; `now` decides what has expired.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>, now: Seconds) -> DynamoTable {
        DynamoTable { inner: Arc::new(Inner { client, name: name.into(), now, meter: Meter::default() }) }
    }

    /// Runs `batch` for every part of `parts`, a few at once. The first error ends the rest.
    async fn in_batches<P, T, F>(&self, parts: Vec<P>, batch: impl Fn(Arc<Inner>, P) -> F) -> Result<Vec<T>, TableError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, TableError>> + Send + 'static,
    {
        let mut running = JoinSet::new();
        let mut done = Vec::with_capacity(parts.len());
        for part in parts {
            if running.len() == BATCHES_AT_ONCE_MAX
                && let Some(finished) = running.join_next().await
            {
                done.push(joined(finished)?);
            }
            running.spawn(batch(Arc::clone(&self.inner), part));
        }
        while let Some(finished) = running.join_next().await {
            done.push(joined(finished)?);
        }
        Ok(done)
    }

    async fn write_batches(&self, writes: Vec<WriteRequest>) -> Result<(), TableError> {
        let parts = chunks(writes, WRITES_PER_BATCH_MAX);
        self.in_batches(parts, |inner, part| async move { inner.write_batch(part).await }).await?;
        Ok(())
    }
}

fn joined<T>(finished: Result<Result<T, TableError>, tokio::task::JoinError>) -> Result<T, TableError> {
    finished.unwrap_or_else(|error| Err(TableError::Unavailable(Box::new(error))))
}

fn chunks<T>(all: Vec<T>, chunk_len: usize) -> Vec<Vec<T>> {
    let mut rest = all.into_iter();
    std::iter::from_fn(|| Some(rest.by_ref().take(chunk_len).collect()).filter(|chunk: &Vec<T>| !chunk.is_empty()))
        .collect()
}

impl Inner {
    fn wrote(&self, consumed: Option<&ConsumedCapacity>) {
        self.meter.wrote(consumed.map_or(0, units));
    }

    async fn get_batch(&self, keys: Vec<Key>) -> Result<Vec<Item>, TableError> {
        let keys_len = keys.len();
        let mut waiting: Vec<Attributes> = keys.iter().map(key_to_attributes).collect();
        let mut items = Vec::with_capacity(keys_len);
        let mut backoff = Backoff::new();
        loop {
            let request =
                KeysAndAttributes::builder().set_keys(Some(waiting)).consistent_read(true).build().map_err(refused)?;
            let answer =
                self.client.batch_get_item().request_items(&self.name, request).send().await.map_err(Failure::from)?;
            for attributes in answer.responses.unwrap_or_default().into_values().flatten() {
                let item = item_from_attributes(attributes)?;
                self.meter.read(capacity::strong_read(capacity::item_bytes(&item)));
                items.push(item);
            }
            waiting = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys).collect();
            if waiting.is_empty() {
                let missing = keys_len.saturating_sub(items.len()) as u64;
                self.meter.read(missing * capacity::strong_read(0));
                return Ok(items);
            }
            if !backoff.wait().await {
                return Err(GaveUp("keys of a batch remained unread").into());
            }
        }
    }

    async fn write_batch(&self, mut waiting: Vec<WriteRequest>) -> Result<(), TableError> {
        let mut backoff = Backoff::new();
        loop {
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.name, waiting)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(Failure::from)?;
            answer.consumed_capacity().iter().for_each(|consumed| self.wrote(Some(consumed)));
            waiting = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            if waiting.is_empty() {
                return Ok(());
            }
            if !backoff.wait().await {
                return Err(GaveUp("writes of a batch remained undone").into());
            }
        }
    }

    /// A write by itself, half the price of a transaction of one.
    async fn write_one(&self, write: &Write) -> Result<(), TransactError> {
        let mut backoff = Backoff::new();
        // An earlier attempt went out and its answer did not come back.
        let mut may_be_written = false;
        loop {
            let failure = match self.attempt(write).await {
                Ok(consumed) => {
                    self.wrote(consumed.as_ref());
                    return Ok(());
                }
                Err(failure) => failure,
            };
            match failure.cause {
                Cause::Condition => {
                    self.meter.wrote(capacity::failed_units(std::slice::from_ref(write), Sent::Plain));
                    if may_be_written {
                        return Err(TableError::from(failure).into());
                    }
                    return Err(TransactError::Conditions(vec![0]));
                }
                Cause::Conflict => return Err(TransactError::Contended),
                Cause::Refused(_) => return Err(TableError::from(failure).into()),
                Cause::Throttled => {}
                Cause::Unknown => may_be_written = true,
            }
            if !backoff.wait().await {
                return Err(TableError::from(failure).into());
            }
        }
    }

    async fn attempt(&self, write: &Write) -> Result<Option<ConsumedCapacity>, Failure> {
        let now = (self.now)();
        match write {
            Write::Put(item, condition) => {
                let (condition, values) = split(expression(*condition, now));
                let request = self.client.put_item().table_name(&self.name).set_item(Some(item_to_attributes(item)));
                let answer = request
                    .set_condition_expression(condition)
                    .set_expression_attribute_values(values)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .customize()
                    .config_override(unrepeated())
                    .send()
                    .await?;
                Ok(answer.consumed_capacity)
            }
            Write::Delete(key, condition) => {
                let (condition, values) = split(expression(*condition, now));
                let request = self.client.delete_item().table_name(&self.name).set_key(Some(key_to_attributes(key)));
                let answer = request
                    .set_condition_expression(condition)
                    .set_expression_attribute_values(values)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .customize()
                    .config_override(unrepeated())
                    .send()
                    .await?;
                Ok(answer.consumed_capacity)
            }
            // Never alone: `Table::transact` sends one to `add`, and the other in a transaction.
            Write::Check(..) | Write::Add(..) => Ok(None),
        }
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TransactError> {
        for _ in 0..EXPIRED_COUNTER_ATTEMPTS_MAX {
            let failure = match self.add_to_present(key, by).await {
                Ok(sum) => return Ok(sum),
                Err(failure) => failure,
            };
            match failure.cause {
                // An expired counter stands there: a new one takes its place, unless somebody is faster.
                Cause::Condition => {
                    self.meter.wrote(capacity::failed_units(&[Write::Add(key.clone(), by)], Sent::Plain));
                    match self.write_one(&Write::Put(new_counter(key, by), Condition::Absent)).await {
                        Ok(()) => return Ok(by),
                        Err(TransactError::Conditions(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                Cause::Conflict => return Err(TransactError::Contended),
                Cause::Throttled | Cause::Refused(_) | Cause::Unknown => return Err(TableError::from(failure).into()),
            }
        }
        Err(TransactError::Contended)
    }

    async fn add_to_present(&self, key: &Key, by: i64) -> Result<i64, Failure> {
        let mut backoff = Backoff::new();
        loop {
            let answer = self
                .client
                .update_item()
                .table_name(&self.name)
                .set_key(Some(key_to_attributes(key)))
                .update_expression(ADD)
                .condition_expression(NOT_EXPIRED)
                .set_expression_attribute_values(Some(values_of_add(by, (self.now)())))
                .return_values(ReturnValue::UpdatedNew)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .customize()
                .config_override(unrepeated())
                .send()
                .await
                .map_err(Failure::from);
            match answer {
                Ok(answer) => {
                    self.wrote(answer.consumed_capacity.as_ref());
                    let mut attributes = answer.attributes.unwrap_or_default();
                    let sum = take_number(&mut attributes, names::COUNTER);
                    return sum.and_then(|sum| present(names::COUNTER, sum)).map_err(Failure::unreadable);
                }
                Err(failure) => {
                    // Nothing was written, or a transaction held the item: only these may be tried again.
                    let again = matches!(failure.cause, Cause::Throttled | Cause::Conflict);
                    if !again || !backoff.wait().await {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// `replace`: the write is an addition whose expired counter a new one replaces.
    fn action(&self, write: &Write, replace: bool, now: i64) -> Result<TransactWriteItem, BuildError> {
        let action = TransactWriteItem::builder();
        Ok(match write {
            Write::Put(item, condition) => action.put(self.put_action(item, *condition, now)?),
            Write::Add(key, by) if replace => {
                action.put(self.put_action(&new_counter(key, *by), Condition::Absent, now)?)
            }
            Write::Add(key, by) => action.update(
                Update::builder()
                    .table_name(&self.name)
                    .set_key(Some(key_to_attributes(key)))
                    .update_expression(ADD)
                    .condition_expression(NOT_EXPIRED)
                    .set_expression_attribute_values(Some(values_of_add(*by, now)))
                    .build()?,
            ),
            Write::Delete(key, condition) => {
                let (condition, values) = split(expression(*condition, now));
                action.delete(
                    Delete::builder()
                        .table_name(&self.name)
                        .set_key(Some(key_to_attributes(key)))
                        .set_condition_expression(condition)
                        .set_expression_attribute_values(values)
                        .build()?,
                )
            }
            Write::Check(key, condition) => {
                let check = ConditionCheck::builder().table_name(&self.name).set_key(Some(key_to_attributes(key)));
                let check = match expression(*condition, now) {
                    Some((condition, values)) => {
                        check.condition_expression(condition).set_expression_attribute_values(Some(values))
                    }
                    // The service wants a condition; this one always holds.
                    None => check.condition_expression("attribute_exists(pk) OR attribute_not_exists(pk)"),
                };
                action.condition_check(check.build()?)
            }
        }
        .build())
    }

    fn put_action(&self, item: &Item, condition: Condition, now: i64) -> Result<Put, BuildError> {
        let (condition, values) = split(expression(condition, now));
        Put::builder()
            .table_name(&self.name)
            .set_item(Some(item_to_attributes(item)))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
    }

    async fn transact(&self, writes: &[Write]) -> Result<(), TransactError> {
        let mut replaced = HashSet::new();
        for _ in 0..EXPIRED_COUNTER_ATTEMPTS_MAX {
            match self.transact_once(writes, &replaced).await {
                Err(TransactError::Conditions(failed)) => {
                    // An addition's only condition is ours: nothing expired where it adds, nothing alive where it
                    // replaces. Callers hear of their own conditions only.
                    let (adds, own): (Vec<usize>, Vec<usize>) =
                        failed.into_iter().partition(|position| matches!(writes[*position], Write::Add(..)));
                    if !own.is_empty() {
                        return Err(TransactError::Conditions(own));
                    }
                    for position in adds {
                        if !replaced.insert(position) {
                            replaced.remove(&position);
                        }
                    }
                }
                other => return other,
            }
        }
        Err(TransactError::Contended)
    }

    async fn transact_once(&self, writes: &[Write], replaced: &HashSet<usize>) -> Result<(), TransactError> {
        // The token makes every repetition, the SDK's and ours, the same transaction. So `now` must not move either.
        let token = Uuid::new_v4().to_string();
        let now = (self.now)();
        let mut backoff = Backoff::new();
        loop {
            let actions = writes
                .iter()
                .enumerate()
                .map(|(position, write)| self.action(write, replaced.contains(&position), now))
                .collect::<Result<Vec<_>, _>>()
                .map_err(refused)?;
            let answer = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions))
                .client_request_token(&token)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match answer {
                Ok(answer) => {
                    answer.consumed_capacity().iter().for_each(|consumed| self.wrote(Some(consumed)));
                    return Ok(());
                }
                Err(error) => error,
            };
            let again = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let causes: Vec<Option<Cause>> = cancelled
                        .cancellation_reasons()
                        .iter()
                        .map(|reason| match reason.code() {
                            None | Some("None") => None,
                            code => Some(Cause::of(code, reason.message())),
                        })
                        .collect();
                    match cancellation(&causes) {
                        Cancellation::Final(error) => {
                            if let TransactError::Conditions(_) = error {
                                self.meter.wrote(capacity::failed_units(writes, Sent::Transaction));
                            }
                            return Err(error);
                        }
                        Cancellation::Throttled => true,
                        Cancellation::Unclear => false,
                    }
                }
                // An attempt of ours is still under way: ask again for its result.
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => true,
                _ => false,
            };
            let failure = Failure::from(error);
            let again = again || failure.cause == Cause::Throttled;
            if !again || !backoff.wait().await {
                return Err(TableError::from(failure).into());
            }
        }
    }

    fn key_condition(query: &Query, partition: &str, sort: &str) -> (String, Attributes) {
        let mut condition = format!("{partition} = :p");
        let mut values = HashMap::from([(":p".to_owned(), text(&query.partition))]);
        // The service takes one comparison of the sort value and no empty bound; every sort value is above "".
        let from = query.from.as_deref().filter(|from| !from.is_empty());
        let comparison = match (from, &query.to) {
            (Some(_), Some(_)) => format!(" AND {sort} BETWEEN :from AND :to"),
            (Some(_), None) => format!(" AND {sort} >= :from"),
            (None, Some(_)) => format!(" AND {sort} <= :to"),
            (None, None) => String::new(),
        };
        condition.push_str(&comparison);
        values.extend(from.map(|from| (":from".to_owned(), text(from))));
        values.extend(query.to.as_deref().map(|to| (":to".to_owned(), text(to))));
        (condition, values)
    }

    /// One request: the rows as they came and where the next request begins.
    async fn request(
        &self,
        query: &Query,
        index: Option<Index>,
        start: Option<Attributes>,
        limit: Option<usize>,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), TableError> {
        let (partition, sort) = index.map_or((names::PARTITION, names::SORT), names::of_index);
        let (condition, values) = Inner::key_condition(query, partition, sort);
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(|index| index.name().to_owned()))
            // An index can only be read eventually.
            .set_consistent_read(index.is_none().then_some(true))
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(query.order == Order::Ascending)
            .set_exclusive_start_key(start)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .send()
            .await
            .map_err(Failure::from)?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// One page. When expired rows left it short of its limit, it reads on.
    async fn page<T>(
        &self,
        query: &Query,
        index: Option<Index>,
        read: impl Fn(Attributes) -> Result<Read<T>, TableError>,
    ) -> Result<(Vec<T>, Option<Attributes>), TableError> {
        let price = if index.is_some() { capacity::eventual_read } else { capacity::strong_read };
        let mut next = query.after.as_ref().map(|cursor| cursor_to_attributes(cursor, index, &query.partition));
        let mut kept = Vec::new();
        loop {
            let wanted = query.limit.map(|limit| limit - kept.len());
            let (rows, last) = self.request(query, index, next.take(), wanted).await?;
            let (rows_len, mut bytes) = (rows.len(), 0);
            for row in rows {
                let row = read(row)?;
                bytes += row.bytes;
                kept.extend(row.alive);
            }
            self.meter.read(price(bytes));
            next = last;
            let short_of_limit = query.limit.is_some_and(|limit| kept.len() < limit) && Some(rows_len) == wanted;
            if next.is_none() || !short_of_limit {
                return Ok((kept, next));
            }
        }
    }
}

/// One row that a query read; nothing alive if it has expired.
struct Read<T> {
    alive: Option<T>,
    bytes: usize,
}

enum Cancellation {
    /// The caller's to know.
    Final(TransactError),
    Throttled,
    Unclear,
}

/// What a cancelled transaction's reasons, one per write, come to.
fn cancellation(causes: &[Option<Cause>]) -> Cancellation {
    let refusal = causes.iter().flatten().find_map(|cause| match cause {
        Cause::Refused(why) => Some(why.clone()),
        Cause::Condition | Cause::Conflict | Cause::Throttled | Cause::Unknown => None,
    });
    if let Some(why) = refusal {
        return Cancellation::Final(TableError::Refused(why).into());
    }
    let at = |cause: &Cause| -> Vec<usize> {
        causes.iter().enumerate().filter(|(_, found)| found.as_ref() == Some(cause)).map(|(at, _)| at).collect()
    };
    let failed = at(&Cause::Condition);
    if !failed.is_empty() {
        Cancellation::Final(TransactError::Conditions(failed))
    } else if !at(&Cause::Conflict).is_empty() {
        Cancellation::Final(TransactError::Contended)
    } else if !at(&Cause::Throttled).is_empty() {
        Cancellation::Throttled
    } else {
        Cancellation::Unclear
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        limits::check_key(key)?;
        let answer = self
            .inner
            .client
            .get_item()
            .table_name(&self.inner.name)
            .set_key(Some(key_to_attributes(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Failure::from)?;
        let item = answer.item.map(item_from_attributes).transpose()?;
        self.inner.meter.read(capacity::strong_read(item.as_ref().map_or(0, capacity::item_bytes)));
        let now = (self.inner.now)();
        Ok(item.filter(|item| !item.has_expired(now)))
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, TableError> {
        keys.iter().try_for_each(limits::check_key)?;
        let distinct: HashSet<Key> = keys.iter().cloned().collect();
        let parts = chunks(distinct.into_iter().collect(), KEYS_PER_BATCH_MAX);
        let found = self.in_batches(parts, |inner, part| async move { inner.get_batch(part).await }).await?;
        let now = (self.inner.now)();
        let found: HashMap<Key, Item> = found
            .into_iter()
            .flatten()
            .filter(|item| !item.has_expired(now))
            .map(|item| (item.key.clone(), item))
            .collect();
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        limits::check_query(query, None)?;
        if limits::range_is_empty(query) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let now = (self.inner.now)();
        let (items, next) = self
            .inner
            .page(query, None, |row| {
                let item = item_from_attributes(row)?;
                Ok(Read { bytes: capacity::item_bytes(&item), alive: Some(item).filter(|item| !item.has_expired(now)) })
            })
            .await?;
        Ok(Page { items, next: next.map(|key| cursor_from_attributes(key, None)).transpose()? })
    }

    async fn query_index(&self, index: Index, query: &Query) -> Result<IndexPage, TableError> {
        limits::check_query(query, Some(index))?;
        if limits::range_is_empty(query) {
            return Ok(IndexPage { found: Vec::new(), next: None });
        }
        let now = (self.inner.now)();
        let (found, next) = self
            .inner
            .page(query, Some(index), |mut row| {
                let sort = names::of_index(index).1;
                let index_sort = present(sort, take_text(&mut row, sort)?)?;
                let expires_at: Option<i64> = take_number(&mut row, names::EXPIRES_AT)?;
                let found = Found { key: take_key(&mut row)?, index_sort };
                let entry = IndexEntry { index, partition: query.partition.clone(), sort: found.index_sort.clone() };
                let bytes = capacity::entry_bytes(&found.key, &entry, expires_at);
                let alive = Some(found).filter(|_| expires_at.is_none_or(|at| at > now));
                Ok(Read { alive, bytes })
            })
            .await?;
        Ok(IndexPage { found, next: next.map(|key| cursor_from_attributes(key, Some(index))).transpose()? })
    }

    async fn put_all(&self, items: Vec<Item>) -> Result<(), TableError> {
        limits::check_items(&items)?;
        let write = |item: &Item| {
            let put = PutRequest::builder().set_item(Some(item_to_attributes(item))).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        let writes = items.iter().map(write).collect::<Result<Vec<_>, BuildError>>().map_err(refused)?;
        self.write_batches(writes).await
    }

    async fn delete_all(&self, keys: &[Key]) -> Result<(), TableError> {
        keys.iter().try_for_each(limits::check_key)?;
        let distinct: HashSet<&Key> = keys.iter().collect();
        let write = |key: &Key| {
            let delete = DeleteRequest::builder().set_key(Some(key_to_attributes(key))).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        let writes = distinct.into_iter().map(write).collect::<Result<Vec<_>, BuildError>>().map_err(refused)?;
        self.write_batches(writes).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        limits::check_writes(&writes)?;
        match &writes[..] {
            [] => Ok(()),
            [Write::Add(key, by)] => self.inner.add(key, *by).await.map(|_| ()),
            [write @ (Write::Put(..) | Write::Delete(..))] => self.inner.write_one(write).await,
            writes => self.inner.transact(writes).await,
        }
    }

    async fn add(&self, key: &Key, by: i64) -> Result<i64, TableError> {
        limits::check_key(key)?;
        self.inner.add(key, by).await.map_err(|error| match error {
            TransactError::Table(error) => error,
            contended @ (TransactError::Contended | TransactError::Conditions(_)) => {
                TableError::Unavailable(Box::new(contended))
            }
        })
    }

    fn consumed(&self) -> Consumed {
        self.inner.meter.consumed()
    }
}
