//! The table's definition, as `template.yaml` has it, for tests.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};

use super::failure::Failure;
use crate::table::capacity::names;
use crate::table::{Index, TableError};

/// How long a table may take to be usable.
const CREATION_MAX: std::time::Duration = std::time::Duration::from_secs(120);

/// Creates the table with its indexes, stream (new images) and TTL, and waits until it is usable.
pub async fn create_table(client: &Client, name: &str) -> Result<(), TableError> {
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema((names::PARTITION, names::SORT))?))
        .attribute_definitions(string(names::PARTITION)?)
        .attribute_definitions(string(names::SORT)?)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .map_err(refused)?,
        );
    for index in Index::ALL {
        let (partition, sort) = names::of_index(index);
        request = request
            .attribute_definitions(string(partition)?)
            .attribute_definitions(string(sort)?)
            .global_secondary_indexes(definition(index)?);
    }
    request.send().await.map_err(Failure::from)?;
    client.wait_until_table_exists().table_name(name).wait(CREATION_MAX).await.map_err(unavailable)?;
    let expiry =
        TimeToLiveSpecification::builder().enabled(true).attribute_name(names::EXPIRES_AT).build().map_err(refused)?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(expiry)
        .send()
        .await
        .map_err(Failure::from)?;
    Ok(())
}

/// Keys only, and the expiry: without it a reader of the index could not tell an expired item from a live one.
fn definition(index: Index) -> Result<GlobalSecondaryIndex, TableError> {
    GlobalSecondaryIndex::builder()
        .index_name(index.name())
        .set_key_schema(Some(key_schema(names::of_index(index))?))
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes(names::EXPIRES_AT)
                .build(),
        )
        .build()
        .map_err(refused)
}

fn key_schema((partition, sort): (&str, &str)) -> Result<Vec<KeySchemaElement>, TableError> {
    let element = |name, role| KeySchemaElement::builder().attribute_name(name).key_type(role).build().map_err(refused);
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}

fn string(name: &str) -> Result<AttributeDefinition, TableError> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().map_err(refused)
}

fn refused(error: impl std::error::Error) -> TableError {
    TableError::Refused(error.to_string())
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> TableError {
    TableError::Unavailable(Box::new(error))
}
