//! A snapshot in a row of a list.

use serde::Serialize;

use super::{Found, Manifest};

/// What a list shows of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SnapshotSummary {
    /// Its position and some of the hash of its manifest.
    pub id: String,
    /// The last sequence of the log that it has applied.
    pub position: u64,
    /// What is wrong with its manifest; null if it can be read.
    pub problem: Option<String>,
    /// Of the state at that position, as `/api/v1/state` shows it.
    pub digest: Option<String>,
    pub taken_at: Option<String>,
    /// The time of the log at that position.
    pub log_time: Option<String>,
    /// When the log was created that it was taken from.
    pub log_created_at: Option<String>,
    /// The layout of its rows.
    pub format: Option<String>,
    /// The release that took it.
    pub version: Option<String>,
    pub rows: Option<u64>,
    /// Of its rows.
    pub bytes: Option<u64>,
    /// Of its files; other snapshots may have some of them in common.
    pub stored_bytes: Option<u64>,
    pub parts: Option<usize>,
}

impl SnapshotSummary {
    pub fn new(id: &str, manifest: &Manifest) -> Self {
        Self {
            id: id.to_owned(),
            position: manifest.position,
            problem: None,
            digest: Some(manifest.digest.clone()),
            taken_at: Some(manifest.taken_at.clone()),
            log_time: Some(manifest.log_time.clone()),
            log_created_at: Some(manifest.log.created_at.clone()),
            format: Some(manifest.format.clone()),
            version: Some(manifest.version.clone()),
            rows: Some(manifest.rows),
            bytes: Some(manifest.bytes),
            stored_bytes: Some(manifest.stored_bytes()),
            parts: Some(manifest.parts.len()),
        }
    }

    pub fn of(found: &Found) -> Self {
        match &found.manifest {
            Ok(manifest) => Self::new(&found.id, manifest),
            Err(error) => Self {
                id: found.id.clone(),
                position: found.position,
                problem: Some(error.to_string()),
                digest: None,
                taken_at: None,
                log_time: None,
                log_created_at: None,
                format: None,
                version: None,
                rows: None,
                bytes: None,
                stored_bytes: None,
                parts: None,
            },
        }
    }
}
