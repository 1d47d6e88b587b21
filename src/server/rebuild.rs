//! Replaying the log into a new store. The old one is put aside and not deleted: after a power cut it may know more than the log.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::info;

use super::foundation::{Beginning, Foundation, connect_to, open_store, prepare, refused, store_in};
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
    fn of(saved: Option<Saved>, log: Option<&StreamStatus>) -> Self {
        let applied = saved.map(|saved| saved.last.seq);
        let range = log.map(|log| (log.first_seq, log.last_seq));
        let (Some(saved), Some(log)) = (saved, log) else {
            return Self { applied, log: range, missing: applied.unwrap_or(0), is_other: false };
        };
        let is_other = saved.created != log.created;
        let front = log.first_seq.saturating_sub(1).min(saved.last.seq);
        let missing = if is_other { saved.last.seq } else { front + saved.last.seq.saturating_sub(log.last_seq.max(front)) };
        Self { applied, log: range, missing, is_other }
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
        let missing = match self.missing {
            0 => "nothing that the store knows will be missing".to_owned(),
            missing => format!("{missing} sequences that the store knows will be missing from the new one"),
        };
        format!("{store}; {log}{other}; {missing}")
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
    let survey = survey(&config, &data).await?;
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
    let foundation = match Foundation::lay(&config, Beginning::Partial, &stop).await {
        Ok(foundation) => foundation,
        Err(error) => {
            // nothing was built: what there was comes back
            if let Some(aside) = &aside {
                store::Store::take_back(&store_in(&data), aside).map_err(refused)?;
            }
            return Err(error);
        }
    };
    let (messages, reached) = replay(&config, foundation, stop, progress).await?;
    let counts = &reached.counts;
    let records = counts.applied + counts.rejected + counts.duplicates + counts.too_late + counts.ignored;
    Ok(Rebuilt { messages, records, position: reached.position, aside, survey })
}

/// Applies the log up to the end of the stream as seen at start; gives how many messages that were, and the view of it.
async fn replay(
    config: &Config,
    mut foundation: Foundation,
    stop: CancellationToken,
    mut progress: impl FnMut(u64, u64),
) -> Result<(u64, Arc<View>), Error> {
    let (first, end) = (foundation.input.first_seq.max(1), foundation.input.last_seq);
    let messages = (end + 1).saturating_sub(first);
    let pipeline = Pipeline::start(foundation.take_projection(), &foundation.nats, &config.store, &stop)?;
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
    Ok((messages, reached))
}

/// What the store and the log say of each other.
async fn survey(config: &Config, data: &std::path::Path) -> Result<Survey, Error> {
    let saved = match open_store(config, data) {
        Ok(opened) => Projection::saved_in(&opened.store).unwrap_or(None),
        Err(error) => return Err(refused(error)),
    };
    let (nats, managed) = connect_to(config, data).await?;
    let status = nats.status(Role::Input).await;
    nats.close().await;
    if let Some(managed) = managed {
        managed.stop().await;
    }
    match status {
        Ok(status) => Ok(Survey::of(saved, Some(&status))),
        Err(StreamError::Missing { .. }) => Ok(Survey::of(saved, None)),
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
            drops: None,
        };
        let missing = |saved, log: StreamStatus| Survey::of(saved, Some(&log)).missing;
        assert_eq!(missing(saved(100), log(1, 120)), 0);
        assert_eq!(missing(saved(100), log(1, 60)), 40, "the tail is lost");
        assert_eq!(missing(saved(100), log(31, 120)), 30, "the front is lost");
        assert_eq!(missing(saved(100), log(31, 60)), 70);
        assert_eq!(missing(saved(100), log(301, 400)), 100);
        assert_eq!(missing(None, log(31, 60)), 0);
        assert_eq!(Survey::of(saved(100), None).missing, 100);
        let other = StreamStatus { created: Timestamp::from_micros(1), ..log(1, 5) };
        let survey = Survey::of(saved(100), Some(&other));
        assert!(survey.missing == 100 && survey.text().contains("100 sequences"), "{}", survey.text());
    }
}
