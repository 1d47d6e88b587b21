//! Sources that have fallen silent.

use super::finding::{Figures, Pattern};
use super::{About, Analysis, Watched};
use crate::ids::Name;
use crate::monitor::limits::SILENCE_REMEMBERED;
use crate::monitor::source::Source;
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

impl Analysis {
    /// A source is heard again.
    pub fn on_heard(&mut self, turn: &mut Turn<'_>, source: &Name, at: Timestamp) {
        let Some(id) = self.by_name.get(&(About::Source, source.clone())).copied() else { return };
        if let Some(ordinal) = self.get(id).watched.silence {
            self.turns += 1;
            self.change(id).end_silence(turn, ordinal, at);
        }
    }

    /// A source has not been heard for [`SILENCE_MIN`] or longer. That is a finding until it is heard again, or hardly will be.
    pub fn on_silence(&mut self, turn: &mut Turn<'_>, source: &Source) {
        let Some(id) = self.by_name.get(&(About::Source, source.name.clone())).copied() else { return };
        let watched = &self.get(id).watched;
        match (watched.silence, source.sampled_at()) {
            (Some(ordinal), _) if SILENCE_REMEMBERED < turn.time() - source.heard_at && watched.is_open(ordinal) => {
                self.turns += 1;
                let watched = self.change(id);
                watched.end(turn, ordinal, Pattern::Silence, turn.time(), None);
                watched.end_all(turn);
            }
            (None, Some(since)) if source.was_live() && watched.knows_a_series() => {
                self.turns += 1;
                self.change(id).begin_silence(turn, since);
            }
            _ => {}
        }
    }
}

impl Watched {
    fn begin_silence(&mut self, turn: &mut Turn<'_>, since: Timestamp) {
        self.silence = Some(self.begin(turn, Pattern::Silence, None, since, Figures::default()));
    }

    fn end_silence(&mut self, turn: &mut Turn<'_>, ordinal: u32, at: Timestamp) {
        self.silence = None;
        if let Some(finding) = self.findings.iter().find(|finding| finding.ordinal == ordinal && finding.is_open()) {
            // a sample may tell of a time before the silence
            let at = at.max(finding.since);
            self.end(turn, ordinal, Pattern::Silence, at, None);
        }
    }

    /// Ends what goes on in the series of a subject that hardly will be heard again: no point of theirs will.
    fn end_all(&mut self, turn: &mut Turn<'_>) {
        let series = self.series.iter_mut();
        let ordinals = series.flat_map(|series| [series.anomaly.take(), series.rise.take().map(|(ordinal, _)| ordinal)]);
        for ordinal in ordinals.flatten().collect::<Vec<u32>>() {
            let known = self.findings.iter().find(|finding| finding.ordinal == ordinal);
            if let Some((pattern, last_at)) = known.map(|finding| (finding.pattern, finding.last_at)) {
                self.end(turn, ordinal, pattern, last_at, None);
            }
        }
    }
}
