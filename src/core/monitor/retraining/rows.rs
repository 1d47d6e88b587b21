//! The rows of retraining: the policy, each job, and the versions of each model. None is written before somebody uses it.

use std::sync::Arc;

use super::{Ledger, Retraining};
use crate::ids::EffectId;
use crate::monitor::kept::Kept;
use crate::monitor::rows::{Key, Reader, Rows, Tag, Writer};

/// What a row is, as it stands in the key.
const LEDGER: u8 = 0;
const JOB: u8 = 1;
const BOOK: u8 = 2;
const TALLY: u8 = 3;

impl Rows for Retraining {
    /// Whether anything did.
    type Changed = bool;

    fn save(&mut self, to: &mut dyn Writer) -> bool {
        let (jobs, books) = (std::mem::take(&mut self.changed_jobs), std::mem::take(&mut self.changed_books));
        let (tallies, gone) = (std::mem::take(&mut self.changed_tallies), std::mem::take(&mut self.gone));
        let any = self.ledger.is_dirty() || !jobs.is_empty() || !books.is_empty() || !tallies.is_empty() || !gone.is_empty();
        Kept::save_shared(&mut self.ledger, || Tag::Retraining.all().u8(LEDGER), to);
        gone.iter().for_each(|(key, hash)| to.delete(key.clone(), *hash));
        for id in jobs {
            if let Some(job) = self.jobs.get_mut(&id) {
                Kept::save_shared(job, || job_key(id), to);
            }
        }
        for model in books {
            if let Some(book) = self.books.get_mut(&model) {
                Kept::save_shared(book, || book_key(model), to);
            }
        }
        for model in tallies {
            if let Some(tally) = self.tallies.get_mut(&model) {
                Kept::save_shared(tally, || tally_key(model), to);
            }
        }
        any
    }

    fn restore<R: Reader>(rows: &R, _given: u32) -> Result<Self, R::Error> {
        let mut read = Self::default();
        rows.each(&Tag::Retraining.all(), &Tag::Retraining.all(), &mut |row| {
            let part = row.named(Tag::Retraining, |fields| fields.u8())?;
            match part {
                LEDGER => read.ledger = Arc::new(Kept::<Ledger>::restore(row)?),
                JOB => {
                    let id = row.named(Tag::Retraining, |fields| {
                        fields.u8()?;
                        Some(EffectId { seq: fields.u64()?, index: fields.u32()? })
                    })?;
                    read.jobs.insert(id, Arc::new(Kept::restore(row)?));
                }
                BOOK => {
                    let model = row.named(Tag::Retraining, |fields| fields.u8().and_then(|_| fields.u32()))?;
                    read.books.insert(model, Arc::new(Kept::restore(row)?));
                }
                TALLY => {
                    let model = row.named(Tag::Retraining, |fields| fields.u8().and_then(|_| fields.u32()))?;
                    read.tallies.insert(model, Arc::new(Kept::restore(row)?));
                }
                _ => return Err(row.unreadable("its key names no part of retraining").into()),
            }
            Ok(())
        })?;
        Ok(read)
    }
}

pub(super) fn job_key(id: EffectId) -> Key {
    Tag::Retraining.all().u8(JOB).u64(id.seq).u32(id.index)
}

pub(super) fn book_key(model: u32) -> Key {
    Tag::Retraining.all().u8(BOOK).u32(model)
}

pub(super) fn tally_key(model: u32) -> Key {
    Tag::Retraining.all().u8(TALLY).u32(model)
}
