//! Notices on an EventBridge bus.

use std::time::Duration;

use app::ports::{Bus, Notice, PortError};
use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::causes::causes;

/// EventBridge's limit. A notice has some hundred bytes, so that the limit of 256 KB is far away.
const ENTRIES_PER_CALL_MAX: usize = 10;
/// Times that entries which the bus turned away are handed over again.
const ATTEMPTS_MAX: u32 = 4;
/// Before the second attempt; doubles from there.
const PAUSE: Duration = Duration::from_millis(50);
/// Sender of everything that Weir publishes: what rules match.
const SOURCE: &str = "weir";

/// A bus. The detail type of an event is its webhook type.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus of a name or ARN.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> EventBus {
        EventBus { client, name: name.into() }
    }

    fn entry(&self, notice: &Notice) -> Result<PutEventsRequestEntry, PortError> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&notice.webhook_type)
            .detail(serde_json::to_string(notice).map_err(failed)?)
            .build())
    }

    /// Hands over at most `ENTRIES_PER_CALL_MAX` entries; gives back those that the bus turned away, and why.
    async fn put(
        &self,
        entries: Vec<PutEventsRequestEntry>,
    ) -> Result<(Vec<PutEventsRequestEntry>, String), PortError> {
        let request = self.client.put_events().set_entries(Some(entries.clone()));
        let answer = request.send().await.map_err(|error| failed(causes(&error)))?;
        let results = answer.entries();
        let code = results.iter().find_map(|result| result.error_code()).unwrap_or_default().to_owned();
        let refused = entries.into_iter().zip(results).filter(|(_, result)| result.error_code().is_some());
        Ok((refused.map(|(entry, _)| entry).collect(), code))
    }
}

#[async_trait]
impl Bus for EventBus {
    async fn publish(&self, notices: &[Notice]) -> Result<(), PortError> {
        for group in notices.chunks(ENTRIES_PER_CALL_MAX) {
            let mut entries = group.iter().map(|notice| self.entry(notice)).collect::<Result<Vec<_>, _>>()?;
            for attempt in 1.. {
                let (refused, code) = self.put(entries).await?;
                if refused.is_empty() {
                    break;
                }
                if attempt == ATTEMPTS_MAX {
                    return Err(failed(format!("{} events were turned away: {code}", refused.len())));
                }
                entries = refused;
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            }
        }
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> PortError {
    PortError::new("the event bus", error.to_string())
}
