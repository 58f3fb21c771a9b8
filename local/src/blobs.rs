//! Blobs as files below the data folder.

use std::path::PathBuf;

use app::ports::{Blobs, PortError};
use async_trait::async_trait;
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Files below a folder. Keys are made by use cases of ids alone: hexadecimal, `/`, `-` and `.`.
pub(crate) struct FileBlobs {
    folder: PathBuf,
}

impl FileBlobs {
    pub(crate) fn new(folder: PathBuf) -> FileBlobs {
        FileBlobs { folder }
    }

    fn path(&self, key: &str) -> Result<PathBuf, PortError> {
        let harmless = |part: &str| !part.is_empty() && !part.starts_with('.');
        if key.split('/').all(harmless) {
            Ok(self.folder.join(key))
        } else {
            Err(PortError::new("blobs", format!("`{key}` is no key of a blob")))
        }
    }
}

#[async_trait]
impl Blobs for FileBlobs {
    async fn put(&self, key: &str, _content_type: &str, bytes: Vec<u8>) -> Result<(), PortError> {
        let failed = |error: std::io::Error| PortError::new("blobs", error);
        let path = self.path(key)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).await.map_err(failed)?;
        }
        // Whole or not at all: written beside, made durable, then moved into place.
        let beside = path.with_extension("part");
        let mut file = fs::File::create(&beside).await.map_err(failed)?;
        file.write_all(&bytes).await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        fs::rename(&beside, &path).await.map_err(failed)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        match fs::read(self.path(key)?).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PortError::new("blobs", error)),
        }
    }
}
