//! Asking memory for what the next records will touch, before they are applied. With thousands of models each record finds its own in main
//! memory, one pointer after the other and some hundred nanoseconds a step; a step of many records side by side takes hardly longer than
//! that of one. Changes nothing.

use std::hint::black_box;

use super::{Model, Models};
use crate::event::{Event, Message};
use crate::ids::Name;
use crate::monitor::pane::Cell;

/// Records that are looked at together: what they touch stays in the processor's cache until they are applied.
const SPAN_RECORDS: usize = 128;
/// Fewer models are in the cache anyway.
const MODELS_MIN: usize = 256;

impl Models {
    /// Touches what applying `messages` will read first.
    pub fn look_ahead(&self, messages: &[Message]) {
        if self.list.len() < MODELS_MIN {
            return;
        }
        let names = messages.iter().flat_map(|message| &message.records).filter_map(|record| model_of(record.as_ref().ok()?));
        let models: Vec<&Model> = names.filter_map(|name| self.by_name.get(name)).map(|id| &**self.get(*id)).collect();
        // one step of all of them before the next step of any: each waits for what the step before has brought
        let steps: [fn(&Model) -> u64; 5] = [
            |model| model.changed_seq,
            |model| (model.profile.cells.len() + model.drift.tracks.len() + model.hot.len()) as u64,
            |model| {
                let cell = model.profile.cells.last().map_or(0, |key| key.segment.len());
                let chunks = model.drift.tracks.last().map_or(0, |track| track.reference.rows());
                (cell + model.profile.classes.name(0).len() + chunks) as u64 ^ model.newest_cell(|cell| cell.predictions)
            },
            |model| {
                let chunk = model.drift.tracks.last().and_then(|track| track.reference.open_chunk());
                chunk.map_or(0, |chunk| chunk.rows() as u64) ^ model.newest_cell(|cell| cell.latency.count() ^ cell.labelled)
            },
            |model| {
                let last = model.drift.tracks.last().and_then(|track| track.reference.open_chunk()?.bytes().last());
                last.map_or(0, |byte| u64::from(*byte)) ^ model.newest_cell(|cell| cell.predicted.first().map_or(0, |of| of.1))
            },
        ];
        for step in steps {
            black_box(models.iter().map(|model| step(model)).fold(0, |all, one| all ^ one));
        }
    }
}

impl Model {
    fn newest_cell(&self, figure: impl Fn(&Cell) -> u64) -> u64 {
        self.hot.last_key_value().and_then(|(_, pane)| pane.cells().next()).map_or(0, |(_, cell)| figure(cell))
    }
}

fn model_of(event: &Event) -> Option<&Name> {
    match event {
        Event::PredictionLogged(prediction) => Some(&prediction.model),
        Event::LabelArrived(label) => Some(&label.model),
        _ => None,
    }
}

/// Parts `messages` so that each part holds about as many records as are looked at together.
pub fn spans(messages: &[Message]) -> impl Iterator<Item = &[Message]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut records = 0;
        let fits = |message: &&Message| {
            let begins = records < SPAN_RECORDS;
            records += message.records.len();
            begins
        };
        let (span, after) = rest.split_at(rest.iter().take_while(fits).count());
        rest = after;
        (!span.is_empty()).then_some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;
    use crate::ids::Slug;
    use crate::time::Timestamp;

    fn message(seq: u64, records: usize) -> Message {
        let source = Slug::try_from("tests").unwrap();
        let records = (0..records).map(|_| Ok(Event::ClockTicked)).collect();
        Message { seq, stored_at: Timestamp::default(), kind: Kind::Tick, source, records }
    }

    #[test]
    fn every_message_is_in_one_span_and_none_is_parted() {
        let sizes = [1, 127, 1, 500, 500, 1, 1, 0, 3];
        let messages: Vec<Message> = (1..).zip(sizes).map(|(seq, records)| message(seq, records)).collect();
        let parted: Vec<Vec<u64>> = spans(&messages).map(|span| span.iter().map(|message| message.seq).collect()).collect();
        assert_eq!(parted, [vec![1, 2], vec![3, 4], vec![5], vec![6, 7, 8, 9]]);
    }
}
