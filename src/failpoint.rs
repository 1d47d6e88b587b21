//! Named places where a test can stop the process. Only builds with the feature `failpoints` hold them; elsewhere [`reach`] is
//! nothing. `FAILPOINTS=store.committed=abort` arms one at start, `=3*off->abort` on its fourth passing.

/// Every place, in the order data falls through the house. A place that is reached and not listed here does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A message was fetched and not yet decoded.
    IngestFetched,
    /// A message was decoded and not yet handed to the processor.
    IngestDecoded,
    /// Records were applied in memory and not yet committed.
    ProcessorApplied,
    /// All that a large commit changes was written, so that it can be done again, and nothing of it has landed.
    StoreAnnounced,
    /// A piece of a large commit landed.
    StorePiece,
    /// The rows of a commit that nobody reads yet were written, and nothing that anybody reads.
    StoreUnseen,
    /// A commit of one batch landed, and what nobody reads any more is still there.
    StoreLanded,
    /// The batch was committed and the view not yet published.
    StoreCommitted,
    /// The store's files were flushed and not yet synced.
    StoreFlushed,
    /// The store's files were synced.
    StoreSynced,
    /// An effect was taken from the outbox and not yet carried out.
    EffectClaimed,
    /// An effect was carried out and not yet marked so.
    EffectSent,
    /// An effect was marked as carried out.
    EffectSettled,
    /// A rebuild has put the old store away and not yet begun the new one.
    RebuildStarted,
    /// A part of a snapshot was written.
    SnapshotPart,
    /// A snapshot was written and not yet read back.
    SnapshotWritten,
    /// A snapshot was read back and does not count yet.
    SnapshotVerified,
    /// A snapshot counts, and older ones are not yet deleted.
    SnapshotNamed,
    /// A store was made of a snapshot and not yet opened.
    SnapshotRestored,
    /// It was written down that the log will be cut, and it is not yet cut.
    TrimAnnounced,
    /// The log was cut.
    TrimDone,
    /// The log was told that a training begins.
    TrainingStarted,
    /// A model was written and read back, and the log does not know it yet.
    ModelKept,
    /// The doors are closed and the inbox is draining.
    ShutdownDraining,
}

/// Faults that can be caused and are no place where a process stops, so that nobody who kills at all places causes them: armed with `return`.
const FAULTS: [&str; 2] = [
    // a row of a commit is lost without a word
    "store::lost_row",
    // commits of a few rows land in pieces
    "store::small_pieces",
];

/// Why `FAILPOINTS` could not be armed.
#[derive(Debug, thiserror::Error)]
#[error("FAILPOINTS: {0}")]
pub struct Error(String);

impl Point {
    pub const ALL: [Self; 24] = [
        Self::IngestFetched,
        Self::IngestDecoded,
        Self::ProcessorApplied,
        Self::StoreAnnounced,
        Self::StorePiece,
        Self::StoreUnseen,
        Self::StoreLanded,
        Self::StoreCommitted,
        Self::StoreFlushed,
        Self::StoreSynced,
        Self::EffectClaimed,
        Self::EffectSent,
        Self::EffectSettled,
        Self::RebuildStarted,
        Self::SnapshotPart,
        Self::SnapshotWritten,
        Self::SnapshotVerified,
        Self::SnapshotNamed,
        Self::SnapshotRestored,
        Self::TrimAnnounced,
        Self::TrimDone,
        Self::TrainingStarted,
        Self::ModelKept,
        Self::ShutdownDraining,
    ];

    /// As `FAILPOINTS` and `tidewatch failpoints` call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IngestFetched => "ingest.fetched",
            Self::IngestDecoded => "ingest.decoded",
            Self::ProcessorApplied => "processor.applied",
            Self::StoreAnnounced => "store.announced",
            Self::StorePiece => "store.piece",
            Self::StoreUnseen => "store.unseen",
            Self::StoreLanded => "store.landed",
            Self::StoreCommitted => "store.committed",
            Self::StoreFlushed => "store.flushed",
            Self::StoreSynced => "store.synced",
            Self::EffectClaimed => "effect.claimed",
            Self::EffectSent => "effect.sent",
            Self::EffectSettled => "effect.settled",
            Self::RebuildStarted => "rebuild.started",
            Self::SnapshotPart => "snapshot.part",
            Self::SnapshotWritten => "snapshot.written",
            Self::SnapshotVerified => "snapshot.verified",
            Self::SnapshotNamed => "snapshot.named",
            Self::SnapshotRestored => "snapshot.restored",
            Self::TrimAnnounced => "trim.announced",
            Self::TrimDone => "trim.done",
            Self::TrainingStarted => "training.started",
            Self::ModelKept => "training.kept",
            Self::ShutdownDraining => "shutdown.draining",
        }
    }
}

/// Whether this build holds the places at all.
pub const fn built_in() -> bool {
    cfg!(feature = "failpoints")
}

/// Passes `point`: if it is armed to abort, the process ends here at once, as by a kill.
pub fn reach(point: Point) {
    // `fail` knows no abort, so `arm` asks it to return and the closure ends the process.
    fail::fail_point!(point.name(), |_| std::process::abort());
    let _ = point;
}

/// Arms the places named in `spec`, the value of `FAILPOINTS`: `name=action;name=action`, actions as in the crate `fail`, and
/// `abort`.
///
/// Errors: a name or an action is unknown.
pub fn arm(spec: &str) -> Result<(), Error> {
    for part in spec.split(';').filter(|part| !part.trim().is_empty()) {
        let (name, actions) = part.split_once('=').ok_or_else(|| Error(format!("{part:?} is not name=action")))?;
        let known = Point::ALL.map(Point::name).into_iter().chain(FAULTS).find(|known| *known == name.trim());
        let known = known.ok_or_else(|| Error(format!("no place is called {name:?}; `tidewatch failpoints` lists them")))?;
        fail::cfg(known, &actions.replace("abort", "return")).map_err(Error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_does_not_exist_cannot_be_armed() {
        let error = arm("store.comitted=abort").unwrap_err().to_string();
        assert!(error.contains("no place is called \"store.comitted\""), "{error}");
        assert!(arm("abort").is_err());
        assert!(arm("").is_ok());
    }
}
