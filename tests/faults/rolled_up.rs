//! A snapshot over windows that were rolled up to hours and days is the same store again, and goes on as that one does.

use std::path::Path;

use tidewatch::event::Message;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, HeadFigures, LOGIC, Projection, head_figures};
use tidewatch::snapshot::{self, Head, Log, Manifest, Shelf};
use tidewatch::store::{Options, Store};

use crate::replay::{long_log, open};
use crate::workload::Random;

/// Applies messages and commits some of them at a time.
fn apply(projection: &mut Projection, messages: &[Message]) {
    for messages in messages.chunks(211) {
        projection.apply(&Batch::new(messages.to_vec(), Saved::default()));
        projection.commit().unwrap();
    }
}

/// Takes a snapshot of a store that nobody writes.
fn take(store: &Store, shelf: &Shelf) -> (String, Manifest) {
    let copy = store.copies().begin().unwrap();
    let HeadFigures { position, digest, log_time, .. } = head_figures(copy.head()).unwrap();
    let log = Log {
        created_at: "2026-01-01T00:00:00Z".into(),
        fingerprint: "7".into(),
        anchor_seq: 0,
        anchor_fingerprint: "0".into(),
    };
    let head = Head { position, digest, log_time, log };
    let taken = snapshot::take(shelf, copy, &head, LOGIC, "2026-01-01T00:00:00Z".into(), &|| false).unwrap();
    (taken.id, taken.manifest)
}

/// The store that a snapshot makes.
fn filled(dir: &Path, shelf: &Shelf, id: &str, manifest: &Manifest) -> Projection {
    Store::fill(dir, Options::default(), |filling| {
        snapshot::read(shelf, id, manifest, |key, value| -> Result<(), snapshot::Error> { Ok(filling.put(key, value)?) })
    })
    .unwrap();
    open(dir)
}

#[test]
fn a_snapshot_over_windows_that_were_rolled_up_and_the_rest_of_the_log_are_the_whole_log() {
    let log = long_log(4);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(44);
    let mut cuts: Vec<usize> = (0..5).map(|_| log.len() / 3 + random.below(log.len() as u64 * 2 / 3) as usize).collect();
    cuts.sort_unstable();
    let dir = folder.path().join("live");
    let (mut done, mut rolled) = (0, Vec::new());
    let shelf = Shelf::new(folder.path().join("snapshots"));
    let mut taken = Vec::new();
    for cut in &cuts {
        let mut live = open(&dir);
        apply(&mut live, &log[done..*cut]);
        done = *cut;
        rolled.push(live.view().rolled.made);
        let digest = live.view().digest;
        drop(live);
        let (id, manifest) = take(&Store::open(&dir, Options::default()).unwrap().store, &shelf);
        taken.push((id, manifest, digest, done));
    }
    let mut live = open(&dir);
    apply(&mut live, &log[done..]);
    let digest = live.view().digest;
    assert!(100 < rolled[0] && rolled[0] < live.view().rolled.made, "hardly anything was rolled up: {rolled:?}");
    for (number, (id, manifest, at_cut, cut)) in taken.into_iter().enumerate() {
        let mut again = filled(&folder.path().join(format!("again-{number}")), &shelf, &id, &manifest);
        assert_eq!((again.view().position, again.view().digest), (cut as u64, at_cut), "as it was taken");
        apply(&mut again, &log[cut..]);
        assert_eq!(again.view().digest, digest, "from the snapshot at {cut} on");
    }
}
