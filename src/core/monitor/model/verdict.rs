//! What a model does about its status: it has it judged, says which segment explains a bad one, and announces changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;

use super::measure;
use super::{Model, Models, Verdict, too_many_models};
use crate::event::MetricThreshold;
use crate::ids::Name;
use crate::monitor::cold::{Cold, Next};
use crate::monitor::effect::Announcement;
use crate::monitor::limits::{EXPLAINED_PANES_MAX, PANE_WIDTH};
use crate::monitor::pane::{Pane, Width};
use crate::monitor::source::Sources;
use crate::monitor::status::explain::{self, Wrong};
use crate::monitor::status::history::Change;
use crate::monitor::status::rule::Direction;
use crate::monitor::status::thresholds;
use crate::monitor::status::{ACCURACY, Case, Finding, Mostly, Reason, Transition, reason};
use crate::monitor::turn::Turn;
use crate::monitor::{Desk, Place, bound_reached};
use crate::time::{Span, Timestamp};

impl Models {
    /// Compares metrics of one model to thresholds of its own. The model may be one that has not served yet.
    pub(in crate::monitor) fn on_thresholds(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        (model, news, replace): (&Name, &[MetricThreshold], bool),
    ) -> Verdict {
        let known = self.by_name(model.as_str()).map_or_else(Vec::new, |model| model.profile.thresholds.clone());
        let mut wanted = known.clone();
        if let Err(detail) = thresholds::set_own(&mut wanted, news, replace) {
            return bound_reached("bad_threshold", detail);
        }
        if wanted == known {
            return Verdict::Ignored;
        }
        let Some(id) = self.id_of(model, place.source) else { return too_many_models() };
        self.put_thresholds(turn, place, id, wanted)
    }

    /// Forgets thresholds of one model: of the `metrics` named, or all of them.
    pub(in crate::monitor) fn on_thresholds_unset(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        (model, metrics): (&Name, &[CompactString]),
    ) -> Verdict {
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let mut wanted = self.get(id).profile.thresholds.clone();
        let before = wanted.len();
        wanted.retain(|own| !metrics.is_empty() && !metrics.contains(&own.metric));
        if wanted.len() == before {
            return Verdict::Ignored;
        }
        self.put_thresholds(turn, place, id, wanted)
    }

    fn put_thresholds(&mut self, turn: &mut Turn<'_>, place: Place<'_>, id: u32, thresholds: Vec<MetricThreshold>) -> Verdict {
        let model = self.touch(id, place.seq);
        model.profile_mut().thresholds = thresholds;
        model.condition.measure_again();
        if model.has_predictions() {
            model.judge(turn);
        }
        Verdict::Applied
    }

    /// Shows models the samples that thresholds of theirs are about.
    pub(in crate::monitor) fn take_samples(&mut self, place: Place<'_>, sources: &Sources, log_time: Timestamp) {
        for id in self.ids() {
            let own = &self.get(id).profile.thresholds;
            if own.iter().all(|own| own.source.is_none()) {
                continue;
            }
            let newest = measure::of_samples(own, sources);
            if !self.get(id).condition.knows(&newest) {
                self.touch(id, place.seq).condition.take_samples(newest, log_time);
            }
        }
    }

    /// Judges every model anew, because what they are compared to has changed.
    pub(in crate::monitor) fn judge_all(&mut self, turn: &mut Turn<'_>, place: Place<'_>) {
        for id in self.ids() {
            if self.get(id).has_predictions() {
                self.touch(id, place.seq).judge(turn);
            }
        }
    }
}

impl Model {
    /// Judges the status anew; a change of it is a fact.
    pub(super) fn judge(&mut self, turn: &mut Turn<'_>) {
        self.measure(turn);
        let profile = Arc::clone(&self.profile);
        let case = Case {
            own: &profile.thresholds,
            thresholds: &turn.desk.thresholds,
            task: self.busiest_task(),
            drift: self.drift.worst_score(),
            labelled: self.counters.labelled != 0,
            newest: self.newest,
            log_time: turn.time(),
        };
        let transition = self.condition.judge(&case);
        let now = turn.time();
        self.explain(turn.cold, now);
        if let Some(Transition { from, to }) = transition {
            let reasons = self.reasons(now);
            self.profile_mut().statuses.add(Change { at: now, status: to });
            turn.effects.announce(Announcement::StatusChanged { model: self.name.clone(), from, to, reasons, at: now });
        }
    }

    /// Why the model is not healthy, the gravest first.
    pub fn reasons(&self, log_time: Timestamp) -> Vec<Reason> {
        reason::reasons(&self.condition, self.newest, log_time)
    }

    /// Whether a judgement now may differ from the last.
    pub(super) fn is_judgement_due(&self, desk: &Desk) -> bool {
        self.condition.is_due(self.newest, desk.log_time)
            || measure::is_due(&self.condition, &self.profile.thresholds, desk.log_time)
    }

    /// Measures what thresholds of the model's own are about, where that may have changed.
    fn measure(&mut self, turn: &mut Turn<'_>) {
        let profile = Arc::clone(&self.profile);
        for place in measure::due(&self.condition, &profile.thresholds, turn.time()) {
            let end = self.newest.floor(PANE_WIDTH) + PANE_WIDTH;
            let delay = self.condition.label_delay().unwrap_or_default();
            let mut stretch = measure::Stretch::begin(place, end, Span::from_micros((2e6 * delay) as i64));
            let ever = Timestamp::from_micros(i64::MAX);
            self.each_pane(turn.cold, Width::Minute, (stretch.from, ever), &mut |id, pane| {
                stretch.add(id.start, pane);
                Next::Shown
            });
            let measured = stretch.figures(&profile.thresholds, &profile.classes);
            self.condition.take_stretch(place, measured, turn.time());
        }
    }

    /// Names the segments behind what has been found lately.
    fn explain(&mut self, cold: &mut dyn Cold, log_time: Timestamp) {
        for (place, finding) in self.condition.unexplained(log_time) {
            let older: Option<&mut dyn Cold> = if finding.since == log_time { Some(&mut *cold) } else { None };
            self.condition.findings[place].mostly = self.segment_behind(older, &finding);
        }
    }

    /// The segment that explains most of what is wrong in the windows that `finding` is about.
    ///
    /// * `older`: where panes lie that are not in memory; `None`: they are not looked at.
    fn segment_behind(&self, older: Option<&mut dyn Cold>, finding: &Finding) -> Option<Mostly> {
        let is_accuracy = finding.metric == ACCURACY;
        let delay = self.condition.label_delay().filter(|_| is_accuracy).unwrap_or_default();
        let from = finding.over.from - Span::from_micros((delay * 1e6) as i64);
        let newest = self.newest.floor(PANE_WIDTH) + PANE_WIDTH;
        let from = from.max(newest - Span::from_micros(PANE_WIDTH.micros() * EXPLAINED_PANES_MAX)).floor(PANE_WIDTH);
        let mut cells: BTreeMap<u16, Wrong> = BTreeMap::new();
        let mut see = |pane: &Pane| {
            for (index, cell) in pane.cells() {
                let seen = if is_accuracy {
                    let (n, right) = cell.judged(&self.profile.classes);
                    Wrong { n, wrong: n - right }
                } else {
                    Wrong { n: cell.predictions, wrong: cell.errors }
                };
                let sum = cells.entry(index).or_default();
                *sum = Wrong { n: sum.n + seen.n, wrong: sum.wrong + seen.wrong };
            }
        };
        if let Some(cold) = older {
            cold.each_pane(self.id, Width::Minute, (from, self.hot_from), &mut |_, pane| {
                see(pane);
                Next::Shown
            });
        }
        self.hot.range(from..).for_each(|(_, pane)| see(pane));
        let allowed = match finding.line.direction {
            Direction::Below => 1.0 - finding.line.threshold,
            Direction::Above => finding.line.threshold,
        };
        let segments = cells
            .into_iter()
            .filter_map(|(index, wrong)| Some((self.profile.cells.get(usize::from(index))?.segment.as_slice(), wrong)));
        explain::mostly(segments, allowed)
    }
}
