//! Replaying the log into a new store. The old one is put aside and not deleted: after a power cut it may know more than the log.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::foundation::{Beginning, Foundation, connect_to, open_store, prepare, refused, store_in};
use super::from_snapshot::{self, Choice, Passed};
use super::pipeline::Pipeline;
use super::watchdog::Deadline;
use super::{Error, failed};
use crate::config::Config;
use crate::failpoint::{self, Point};
use crate::nats::provision::Role;
use crate::nats::{Saved, StreamError, StreamStatus};
use crate::processor::Projection;
use crate::store;
use crate::view::View;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Also where there is no store: from what is left of the log.
    pub partial: bool,
    /// Keep the store as it is, and take the log as it begins now.
    pub accept_loss: bool,
    /// Read the log from its beginning though there are snapshots.
    pub whole_log: bool,
}

/// What a rebuild would do, from what store and log say before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// The last sequence that the store has applied; `None` if there is no store, or it is damaged.
    pub applied: Option<u64>,
    /// What the log holds; `None` if there is none.
    pub log: Option<(u64, u64)>,
    /// Sequences that the store has applied and the log no longer holds.
    pub missing: u64,
    /// The log is another one than the store was built from.
    pub is_other: bool,
    /// The snapshot that the new store begins with, and the sequence that it has applied.
    pub snapshot: Option<(String, u64)>,
    /// Newer snapshots that cannot be used, and why.
    pub passed: Vec<Passed>,
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuilt {
    pub messages: u64,
    /// Of the messages; ticks and our own outcomes do not count.
    pub records: u64,
    /// The sequence that the store has applied.
    pub position: u64,
    /// Where the old store is; `None` if there was none, or it was kept.
    pub aside: Option<PathBuf>,
    pub survey: Survey,
}

impl Survey {
    fn of(saved: Option<Saved>, log: Option<&StreamStatus>, choice: Choice) -> Self {
        let applied = saved.map(|saved| saved.last.seq);
        let range = log.map(|log| (log.first_seq, log.last_seq));
        let Choice { chosen, passed } = choice;
        let snapshot = chosen.map(|chosen| (chosen.id, chosen.manifest.position));
        let (Some(saved), Some(log)) = (saved, log) else {
            return Self { applied, log: range, missing: applied.unwrap_or(0), is_other: false, snapshot, passed };
        };
        let is_other = saved.created != log.created;
        // what a snapshot has applied is not missing though the log has lost it
        let front = if snapshot.is_some() { 0 } else { log.first_seq.saturating_sub(1).min(saved.last.seq) };
        let missing = if is_other { saved.last.seq } else { front + saved.last.seq.saturating_sub(log.last_seq.max(front)) };
        Self { applied, log: range, missing, is_other, snapshot, passed }
    }

    /// In a sentence or two.
    pub fn text(&self) -> String {
        let store = match self.applied {
            Some(applied) => format!("the store has applied the log up to sequence {applied}"),
            None => "there is no store that can be read".to_owned(),
        };
        let log = match self.log {
            Some((_, 0)) => "the log is empty".to_owned(),
            Some((first, last)) => format!("the log holds sequences {first} to {last}"),
            None => "the log does not exist".to_owned(),
        };
        let other = if self.is_other { ", and is another one than the store was built from" } else { "" };
        let passed: Vec<String> =
            self.passed.iter().map(|Passed { id, reason }| format!("snapshot {id} is not used: {reason}; ")).collect();
        let snapshot = match &self.snapshot {
            Some((id, position)) => {
                format!("; {}the new store begins with snapshot {id}, at sequence {position}", passed.concat())
            }
            None => format!("; {}the new store begins with the log", passed.concat()),
        };
        let missing = match self.missing {
            0 => "nothing that the store knows will be missing".to_owned(),
            missing => format!("{missing} sequences that the store knows will be missing from the new one"),
        };
        format!("{store}; {log}{other}{snapshot}; {missing}")
    }
}

/// Puts the store aside and replays the log into a new one, up to the end of the stream as seen at start. `agreed` is asked before anything
/// changes, and `progress` is told now and then how many messages of how many are done.
///
/// Errors: as [`super::run`]; [`Error::Nothing`] without a store; [`Error::Declined`]; it was stopped before the end.
pub async fn rebuild(
    config: Config,
    wanted: Wanted,
    agreed: impl FnOnce(&Survey) -> bool,
    stop: CancellationToken,
    progress: impl FnMut(u64, u64),
) -> Result<Rebuilt, Error> {
    let store = store_in(&config.data);
    if !store.join("db").exists() && !wanted.partial {
        return Err(Error::Nothing(store));
    }
    let data = prepare(&config.data)?;
    let survey = survey(&config, &data, wanted).await?;
    info!(survey = survey.text(), "before the rebuild");
    if !agreed(&survey) {
        return Err(Error::Declined);
    }
    if wanted.accept_loss {
        return accept_loss(&config, &data, survey).await;
    }
    let aside = store::Store::put_aside(&store_in(&data)).map_err(refused)?;
    if let Some(path) = &aside {
        info!(path = %path.display(), "the old store is put aside");
    }
    failpoint::reach(Point::RebuildStarted);
    // what is missing was told and agreed to
    let beginning = Beginning { partial: true, from_snapshot: !wanted.whole_log };
    let foundation = match Foundation::lay(&config, beginning, &stop).await {
        Ok(foundation) => foundation,
        Err(error) => {
            // nothing was built: what there was comes back
            if let Some(aside) = &aside {
                store::Store::take_back(&store_in(&data), aside).map_err(refused)?;
            }
            return Err(error);
        }
    };
    let (messages, records, position) = replay(&config, foundation, stop, progress).await?;
    Ok(Rebuilt { messages, records, position, aside, survey })
}

/// Records that were counted in any way.
const fn records_of(view: &View) -> u64 {
    let counts = &view.counts;
    counts.applied + counts.rejected + counts.duplicates + counts.too_late + counts.ignored
}

/// Applies the log up to the end of the stream as seen at start; gives how many messages and records that were, and the position.
async fn replay(
    config: &Config,
    mut foundation: Foundation,
    stop: CancellationToken,
    mut progress: impl FnMut(u64, u64),
) -> Result<(u64, u64, u64), Error> {
    let projection = foundation.take_projection();
    let known = records_of(projection.view());
    let (first, end) = (foundation.input.first_seq.max(projection.view().position + 1), foundation.input.last_seq);
    let messages = (end + 1).saturating_sub(first);
    let pipeline = Pipeline::start(projection, &foundation.nats, &config.store, &stop)?;
    let mut view = pipeline.view.clone();
    let replayed = async {
        loop {
            let position = view.borrow_and_update().position;
            progress((position + 1).saturating_sub(first).min(messages), messages);
            if end <= position || view.changed().await.is_err() {
                break;
            }
        }
    };
    // all branches are cancel-safe: a watch and two tokens
    tokio::select! {
        () = replayed => {}
        () = stop.cancelled() => {}
        () = pipeline.broken() => {}
    }
    let reached = Arc::clone(&pipeline.view.borrow());
    let _deadline = Deadline::within(config.stop_grace);
    let finished = pipeline.finish(config.stop_grace).await;
    foundation.leave().await;
    finished?;
    if reached.position < end {
        let position = reached.position;
        return Err(failed(format!("stopped at message {position} of {end}; the next start goes on from there")));
    }
    Ok((messages, records_of(&reached) - known, reached.position))
}

/// What the store and the log say of each other.
async fn survey(config: &Config, data: &std::path::Path, wanted: Wanted) -> Result<Survey, Error> {
    let saved = match open_store(config, data) {
        Ok(opened) => Projection::saved_in(&opened.store).unwrap_or(None),
        Err(error) => return Err(refused(error)),
    };
    let (nats, managed) = connect_to(config, data).await?;
    let status = nats.status(Role::Input).await;
    let choice = match &status {
        Ok(status) if !wanted.whole_log && !wanted.accept_loss => from_snapshot::choose(data, &nats, status).await,
        _ => Ok(Choice::default()),
    };
    nats.close().await;
    if let Some(managed) = managed {
        managed.stop().await;
    }
    match status {
        Ok(status) => Ok(Survey::of(saved, Some(&status), choice?)),
        Err(StreamError::Missing { .. }) => Ok(Survey::of(saved, None, choice?)),
        Err(error) => Err(Error::Nats(error.into())),
    }
}

/// Remembers where the log begins now; the state stays as it is.
async fn accept_loss(config: &Config, data: &std::path::Path, survey: Survey) -> Result<Rebuilt, Error> {
    let (nats, managed) = connect_to(config, data).await?;
    let status = nats.status(Role::Input).await;
    nats.close().await;
    if let Some(managed) = managed {
        managed.stop().await;
    }
    let status = status.map_err(|error| Error::Nats(error.into()))?;
    let opened = open_store(config, data).map_err(refused)?;
    let mut projection = Projection::load(opened.store, 0).map_err(failed)?;
    let position = projection.view().position;
    let Some(saved) = projection.saved() else { return Err(Error::Nothing(store_in(data))) };
    projection.bind(saved.created, status.first_seq);
    projection.commit().map_err(failed)?;
    projection.syncer().and_then(|mut syncer| syncer.sync()).map_err(failed)?;
    Ok(Rebuilt { messages: 0, records: 0, position, aside: None, survey })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::Mark;
    use crate::time::Timestamp;

    #[test]
    fn it_is_said_how_many_sequences_will_be_missing() {
        let saved = |seq| Some(Saved { last: Mark { seq, fingerprint: 1 }, first_seq: 1, ..Saved::default() });
        let log = |first_seq, last_seq| StreamStatus {
            created: Timestamp::default(),
            first_seq,
            last_seq,
            messages: 0,
            bytes: 0,
            max_bytes: None,
            max_messages: None,
            restricted: false,
            drops: None,
        };
        let missing = |saved, log: StreamStatus| Survey::of(saved, Some(&log), Choice::default()).missing;
        assert_eq!(missing(saved(100), log(1, 120)), 0);
        assert_eq!(missing(saved(100), log(1, 60)), 40, "the tail is lost");
        assert_eq!(missing(saved(100), log(31, 120)), 30, "the front is lost");
        assert_eq!(missing(saved(100), log(31, 60)), 70);
        assert_eq!(missing(saved(100), log(301, 400)), 100);
        assert_eq!(missing(None, log(31, 60)), 0);
        assert_eq!(Survey::of(saved(100), None, Choice::default()).missing, 100);
        let other = StreamStatus { created: Timestamp::from_micros(1), ..log(1, 5) };
        let survey = Survey::of(saved(100), Some(&other), Choice::default());
        assert!(survey.missing == 100 && survey.text().contains("100 sequences"), "{}", survey.text());
    }
}
