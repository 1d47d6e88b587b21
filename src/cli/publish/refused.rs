//! What was refused of messages that are stored: well-formed records may still find no room, such as a name beyond the last one. It is known
//! once they are applied, so the process that reads the log is asked, where there is one to be asked.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Told;
use crate::cli::api::{Api, encoded};
use crate::config::Config;
use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::Nats;
use crate::run_file::RunFile;

/// How long to wait for the process to apply what was stored; a catch-up takes longer and is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at its position.
const STEP: Duration = Duration::from_millis(20);

/// Rows of one page.
const PAGE: usize = 1_000;

/// What the process says.
#[derive(Debug, Default)]
pub struct Refused {
    /// Everything is applied; else what follows is not all.
    pub applied: bool,
    /// Records of that kind and source between the first and the last message.
    pub records: u64,
    /// The newest of them.
    pub told: Vec<Told>,
}

/// Asks the process on the data directory, if it reads the log that was written to and lets us ask. `None`: nobody can be asked.
pub async fn of(config: &Config, nats: &Nats, kind: Kind, source: &Slug, stored: RangeInclusive<u64>) -> Option<Refused> {
    let running = RunFile::read(&config.data).ok()?;
    if running.root != nats.root().as_str() || running.nats_url != nats.url() {
        return None;
    }
    let api = Api::of(&running).ok()?;
    let applied = applied(&api, *stored.end()).await?;
    let mut refused = Refused { applied, ..Refused::default() };
    let query = format!("/api/v1/rejected?kind={}&source={}&limit={PAGE}", kind.as_str(), source.as_str());
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{query}{cursor}")).await.ok()?;
        let rows = page["items"].as_array()?;
        let seq = |row: &Value| row["seq"].as_u64().unwrap_or(0);
        for row in rows.iter().filter(|row| stored.contains(&seq(row))) {
            refused.records += 1;
            refused.told.push(Told::of_row(row));
        }
        // the newest come first
        let is_past = rows.last().is_none_or(|last| seq(last) < *stored.start());
        match page["next"].as_str() {
            Some(next) if !is_past => cursor = format!("&cursor={}", encoded(next)),
            _ => return Some(refused),
        }
    }
}

/// Waits until `seq` is applied; false if it is not in time, `None` if there is no answer.
async fn applied(api: &Api, seq: u64) -> Option<bool> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = api.get("/api/v1/health").await.ok()?;
        if seq <= health["position"].as_u64()? {
            return Some(true);
        }
        if deadline <= Instant::now() {
            return Some(false);
        }
        sleep(STEP).await;
    }
}
