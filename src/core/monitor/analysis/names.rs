//! Producers that use up the names of models or sources. There is room for so many names in all, so one producer that makes a new name for each
//! of its runs leaves none for the honest ones. The finding is about whoever made most of them.

use std::collections::BTreeMap;

use super::finding::{Figures, Pattern, Severity};
use super::{About, Analysis, Watched};
use crate::ids::{Name, Slug};
use crate::monitor::limits::{MODELS_MAX, NAMES_FEWER_PERCENT, NAMES_MANY_PERCENT, SOURCES_MAX};
use crate::monitor::model::Models;
use crate::monitor::source::Sources;
use crate::monitor::turn::Turn;

/// How many names of one sort are used, of how many, and by whom.
struct Names<'a> {
    pattern: Pattern,
    used: usize,
    room: usize,
    makers: &'a BTreeMap<Slug, u32>,
}

impl Names<'_> {
    /// Whoever made most of them; of equals the first by name.
    fn worst(&self) -> Option<(&Slug, u32)> {
        self.makers.iter().map(|(maker, names)| (maker, *names)).max_by(|(a, more), (b, fewer)| more.cmp(fewer).then(b.cmp(a)))
    }

    /// In names.
    fn figures(&self, maker: &str) -> Figures {
        let made = self.makers.iter().find(|(known, _)| known.as_str() == maker).map_or(0, |(_, names)| *names);
        Figures { value: Some(f64::from(made)), high: Some(self.room as f64), ..Figures::default() }
    }

    const fn severity(&self) -> Severity {
        if self.room <= self.used { Severity::Critical } else { Severity::Warning }
    }
}

impl Analysis {
    /// Looks whether nearly all names are used.
    pub(in crate::monitor) fn judge_names(&mut self, turn: &mut Turn<'_>, models: &Models, sources: &Sources) {
        let of_models = Names { pattern: Pattern::ModelNames, used: models.len(), room: MODELS_MAX, makers: models.makers() };
        let of_sources =
            Names { pattern: Pattern::SourceNames, used: sources.len(), room: SOURCES_MAX, makers: sources.makers() };
        for names in [of_models, of_sources] {
            match self.crowding.get(&names.pattern).copied() {
                None if names.room * NAMES_MANY_PERCENT <= names.used * 100 => self.begin_crowding(turn, &names),
                None => {}
                Some(which) => self.follow_crowding(turn, &names, which),
            }
        }
    }

    fn begin_crowding(&mut self, turn: &mut Turn<'_>, names: &Names<'_>) {
        let Some((maker, _)) = names.worst() else { return };
        let id = self.id_of(About::Producer, &Name::from(maker));
        self.producers.insert(maker.clone(), id);
        self.turns += 1;
        let watched = self.change(id);
        let ordinal = watched.begin(turn, names.pattern, None, turn.time(), names.figures(maker.as_str()));
        watched.note_severity(ordinal, names.severity());
        self.crowding.insert(names.pattern, (id, ordinal));
    }

    fn follow_crowding(&mut self, turn: &mut Turn<'_>, names: &Names<'_>, (id, ordinal): (u32, u32)) {
        let is_over = names.used * 100 < names.room * NAMES_FEWER_PERCENT;
        let watched = &self.get(id).watched;
        let figures = names.figures(watched.name.as_str());
        let finding = watched.findings.iter().find(|finding| finding.ordinal == ordinal);
        let is_news = finding.is_none_or(|finding| finding.now != figures.value || finding.severity < names.severity());
        if is_over {
            self.turns += 1;
            self.crowding.remove(&names.pattern);
            self.change(id).end(turn, ordinal, names.pattern, turn.time(), None);
        } else if is_news {
            let severity = names.severity();
            let watched = self.change(id);
            if let Some(finding) = watched.findings.iter_mut().find(|finding| finding.ordinal == ordinal) {
                finding.follow(turn.time(), figures);
                finding.figures = figures;
            }
            watched.note_severity(ordinal, severity);
        }
    }
}

impl Watched {
    pub(super) fn note_severity(&mut self, ordinal: u32, severity: Severity) {
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.ordinal == ordinal) {
            finding.severity = finding.severity.max(severity);
        }
    }
}

/// The findings about names that go on, each with the subject and its ordinal.
pub(super) fn open(id: u32, watched: &Watched) -> Vec<(Pattern, (u32, u32))> {
    let of_names = |pattern: Pattern| matches!(pattern, Pattern::ModelNames | Pattern::SourceNames);
    let open = watched.findings.iter().filter(|finding| finding.is_open() && of_names(finding.pattern));
    open.map(|finding| (finding.pattern, (id, finding.ordinal))).collect()
}
