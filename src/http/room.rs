//! Whether there is room for the names that records bring, as far as that can be known before they are applied.

use std::collections::BTreeSet;

use crate::event::{Command, Event, Fault};
use crate::ids::Name;
use crate::monitor::limits::{MODELS_MAX, SOURCES_MAX};
use crate::view::View;

/// What takes up room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Model,
    Source,
}

/// The faults of records that bring a name for which there is no room.
pub fn refused(view: &View, records: &[Result<Event, Fault>]) -> Vec<Fault> {
    let left = |sort: Sort| match sort {
        Sort::Model => MODELS_MAX.saturating_sub(view.models.len()),
        Sort::Source => SOURCES_MAX.saturating_sub(view.sources.len()),
    };
    // nearly always there is room for whatever a message may bring
    if records.len() <= left(Sort::Model) && records.len() <= left(Sort::Source) {
        return Vec::new();
    }
    let (mut models, mut sources) = (BTreeSet::new(), BTreeSet::new());
    let mut faults = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Some((sort, name)) = record.as_ref().ok().and_then(named) else { continue };
        let (news, is_known) = match sort {
            Sort::Model => (&mut models, view.models.contains_key(name)),
            Sort::Source => (&mut sources, view.sources.contains_key(name)),
        };
        if is_known || news.contains(name) {
            continue;
        }
        if news.len() < left(sort) {
            news.insert(name);
        } else {
            let pointer = if records.len() == 1 { String::new() } else { format!("/{index}") };
            faults.push(fault(sort, pointer));
        }
    }
    faults
}

/// The name that a record makes if it is not known.
fn named(event: &Event) -> Option<(Sort, &Name)> {
    match event {
        Event::PredictionLogged(prediction) => Some((Sort::Model, &prediction.model)),
        Event::LabelArrived(label) => Some((Sort::Model, &label.model)),
        Event::SamplesTaken(sample) => Some((Sort::Source, &sample.source)),
        Event::RecordNoted(note) => Some((Sort::Source, &note.source)),
        Event::CommandGiven(Command::SetTask { model, .. } | Command::SetModelThresholds { model, .. }) => {
            Some((Sort::Model, model))
        }
        Event::CommandGiven(Command::UseReference(training)) => Some((Sort::Model, &training.model)),
        Event::CommandGiven(_)
        | Event::EffectsSettled { .. }
        | Event::ConditionsSeen { .. }
        | Event::JobReported(_)
        | Event::ModelsCompared(_)
        | Event::ClockTicked => None,
    }
}

fn fault(sort: Sort, pointer: String) -> Fault {
    let (word, most) = match sort {
        Sort::Model => ("model", MODELS_MAX),
        Sort::Source => ("source", SOURCES_MAX),
    };
    let detail = format!(
        "{most} {word}s are known already and this record names another; `tidewatch forget {word}` or DELETE /api/v1/{word}s/{{{word}}} makes room"
    );
    Fault::new(format!("too_many_{word}s"), detail, format!("{pointer}/{word}"))
}
