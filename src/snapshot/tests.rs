//! Snapshots of a small store, and what happens to their files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::store::{Commit, Options, Put, Store};
use crate::time::Timestamp;

struct Desk {
    folder: tempfile::TempDir,
    store: Store,
    seq: u64,
}

impl Desk {
    /// A store of some thousand rows that do not compress well.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store"), Options::default()).unwrap().store;
        let mut desk = Self { folder, store, seq: 0 };
        desk.commit(0..4_000);
        desk
    }

    fn commit(&mut self, ids: std::ops::Range<u64>) {
        self.seq += 1;
        let seq = self.seq;
        let value = |id: u64| {
            (0..40_u64)
                .flat_map(move |word| xxhash_rust::xxh3::xxh3_64(&[id, word, seq].map(u64::to_le_bytes).concat()).to_le_bytes())
        };
        let put = |id: u64| Put::new([&b"p"[..], &id.to_be_bytes()].concat(), Some(value(id).collect()));
        self.store
            .commit(Commit { seq, head: seq.to_be_bytes().to_vec(), puts: ids.map(put).collect(), keep: &|_, _| true })
            .unwrap();
    }

    fn shelf(&self) -> Shelf {
        Shelf::in_data(self.folder.path())
    }

    fn take(&self) -> Taken {
        let log = Log {
            created_at: "2026-01-01T00:00:00Z".into(),
            fingerprint: "7".into(),
            anchor_seq: 0,
            anchor_fingerprint: "0".into(),
        };
        let head = Head { position: self.seq, digest: 5, log_time: Timestamp::default(), log };
        let copy = self.store.copies().begin().unwrap();
        take(&self.shelf(), copy, &head, 1, format!("2026-01-01T00:00:{:02}Z", self.seq), &|| false).unwrap()
    }

    fn parts(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.shelf().dir().join("parts")).unwrap();
        let mut parts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        parts.sort();
        parts
    }
}

#[test]
fn a_snapshot_shares_its_unchanged_parts_with_the_one_before() {
    let mut desk = Desk::new();
    let first = desk.take();
    assert!(2 < first.manifest.parts.len() && first.parts_written == first.manifest.parts.len(), "{first:?}");
    desk.commit(100..110);
    let second = desk.take();
    assert!((1..=3).contains(&second.parts_written), "{} of {} parts", second.parts_written, second.manifest.parts.len());
    let listed: Vec<String> = desk.shelf().list().unwrap().into_iter().map(|found| found.id).collect();
    assert_eq!(listed, [second.id.clone(), first.id]);
    assert_eq!(desk.shelf().keep(1).unwrap(), 1);
    assert_eq!(desk.parts().len(), second.manifest.parts.len(), "what no snapshot names is gone");
    verify(&desk.shelf(), &second.id, &second.manifest).unwrap();
}

#[test]
fn each_of_a_hundred_damages_is_refused_by_name_and_repaired_by_the_next_snapshot() {
    let desk = Desk::new();
    let Taken { id, manifest, .. } = desk.take();
    let shelf = desk.shelf();
    let parts = &manifest.parts;
    let mut random = 1_u64;
    let mut next = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    for trial in 0..100 {
        let number = next(parts.len());
        let file = shelf.part_file(&parts[number].blake3);
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        match trial % 5 {
            0 => bytes.truncate(next(whole.len())),
            1 => bytes.push(0),
            2 => bytes.fill(0),
            _ => bytes[next(whole.len())] ^= 1 << next(8),
        }
        if trial % 10 == 9 {
            fs::remove_file(&file).unwrap()
        } else {
            fs::write(&file, &bytes).unwrap()
        }
        let error = verify(&shelf, &id, &manifest).unwrap_err();
        let told = error.to_string();
        assert!(
            error.is_damage() && told.contains(&format!("part {} of {}", number + 1, parts.len())),
            "trial {trial}: {told}"
        );
        assert!(told.contains(&parts[number].blake3) && told.contains(&id), "trial {trial}: {told}");
        if trial < 5 {
            assert_eq!(desk.take().parts_written, 1, "the damaged part is written anew");
        } else {
            fs::write(&file, &whole).unwrap();
        }
        verify(&shelf, &id, &manifest).unwrap();
    }
}

#[test]
fn a_manifest_that_was_changed_does_not_count_and_its_parts_are_not_deleted() {
    let desk = Desk::new();
    let taken = desk.take();
    let file = desk.shelf().manifest_file(&taken.id);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"position\": 1", "\"position\": 9", 1)).unwrap();
    let found = desk.shelf().list().unwrap().remove(0);
    let told = found.manifest.unwrap_err().to_string();
    assert!(told.contains(&taken.id) && told.contains("not those that were written"), "{told}");
    assert_eq!(desk.shelf().keep(1).unwrap(), 0);
    assert_eq!(desk.parts().len(), taken.manifest.parts.len());
    fs::write(&file, text).unwrap();
    verify(&desk.shelf(), &taken.id, &taken.manifest).unwrap();
}

#[test]
fn a_snapshot_that_is_carried_elsewhere_is_the_same_and_a_damaged_one_is_not_carried() {
    let desk = Desk::new();
    let taken = desk.take();
    let there = Shelf::new(desk.folder.path().join("there"));
    let (manifest, copied) = carry(&desk.shelf(), &there, &taken.id).unwrap();
    assert_eq!((&manifest, copied), (&taken.manifest, taken.manifest.parts.len()));
    assert_eq!(carry(&desk.shelf(), &there, &taken.id).unwrap().1, 0, "all of it is there");
    let rows = |shelf: &Shelf| {
        let mut rows = BTreeMap::new();
        let mut see = |key: &[u8], value: &[u8]| -> Result<(), Error> {
            rows.insert(key.to_vec(), value.to_vec());
            Ok(())
        };
        read(shelf, &taken.id, &manifest, &mut see).unwrap();
        rows
    };
    assert_eq!(rows(&there), rows(&desk.shelf()));
    fs::write(&desk.parts()[0], b"no part").unwrap();
    assert!(carry(&desk.shelf(), &Shelf::new(desk.folder.path().join("third")), &taken.id).unwrap_err().is_damage());
    assert!(matches!(desk.shelf().manifest("../../etc/passwd").unwrap_err(), Error::Unknown { .. }));
}

#[test]
fn what_a_kill_has_left_unfinished_is_swept_away() {
    let desk = Desk::new();
    let taken = desk.take();
    let dir = desk.shelf().dir().to_owned();
    let left = ["parts/aa.zst.partial", "parts/bb.zst", "manifests/9-aa.json.unread.partial"].map(|name| dir.join(name));
    left.iter().for_each(|path| fs::write(path, b"half").unwrap());
    desk.shelf().keep(3).unwrap();
    assert!(left.iter().all(|path| !path.exists()));
    verify(&desk.shelf(), &taken.id, &taken.manifest).unwrap();
}
