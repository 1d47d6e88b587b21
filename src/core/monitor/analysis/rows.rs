//! The rows of what is analysed: of each subject its series and findings, which change with each round, and its seasons, which change with
//! each hour.

use std::sync::Arc;

use super::{About, Analysis, Subject, names};
use crate::ids::Slug;
use crate::monitor::kept::Kept;
use crate::monitor::numbered::Numbered;
use crate::monitor::rows::{Changed, Key, Reader, Rows, Tag, Writer};

/// The parts of a subject, as they stand in the key.
const WATCHED: u8 = 0;
const SEASONS: u8 = 1;

impl Rows for Analysis {
    /// Subjects have no names of their own.
    type Changed = Changed<u32>;

    fn save(&mut self, to: &mut dyn Writer) -> Changed<u32> {
        let gone = std::mem::take(&mut self.forgotten);
        gone.iter().for_each(|id| to.delete_all(&keys_of(*id)));
        let changed: Vec<u32> = std::mem::take(&mut self.dirty).into_iter().collect();
        for id in &changed {
            let Subject { watched, seasons } = self.subjects.get_mut(*id);
            Kept::save_shared(watched, || keys_of(*id).u8(WATCHED), to);
            Kept::save_shared(seasons, || keys_of(*id).u8(SEASONS), to);
        }
        Changed { changed, gone }
    }

    fn restore<R: Reader>(rows: &R, given: u32) -> Result<Self, R::Error> {
        let mut read: Vec<(u32, Subject)> = Vec::new();
        rows.each(&Tag::Analysis.all(), &Tag::Analysis.all(), &mut |row| {
            let (id, part) = row.named(Tag::Analysis, |fields| Some((fields.u32()?, fields.u8()?)))?;
            match (part, read.last_mut()) {
                (WATCHED, _) => {
                    let watched = Arc::new(Kept::restore(row)?);
                    read.push((id, Subject { watched, seasons: Arc::default() }));
                }
                (SEASONS, Some((of, subject))) if *of == id => subject.seasons = Arc::new(Kept::restore(row)?),
                _ => return Err(row.unreadable("its key names no part of a subject that is known").into()),
            }
            Ok(())
        })?;
        let subjects = Numbered::restore(read, given);
        let by_name = subjects.iter().map(|(id, subject)| (subject.key(), id)).collect();
        let series = subjects.iter().map(|(_, subject)| subject.watched.series.len()).sum();
        let of_producers = subjects.iter().filter(|(_, subject)| subject.watched.about == About::Producer);
        let producers =
            of_producers.filter_map(|(id, subject)| Some((Slug::try_from(subject.watched.name.as_str()).ok()?, id))).collect();
        let crowding = subjects.iter().flat_map(|(id, subject)| names::open(id, &subject.watched)).collect();
        Ok(Self { subjects, by_name, producers, series, crowding, ..Self::default() })
    }
}

/// Prefix of all parts of a subject.
fn keys_of(subject: u32) -> Key {
    Tag::Analysis.all().u32(subject)
}
