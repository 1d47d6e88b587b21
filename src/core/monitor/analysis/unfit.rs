//! Values of a model that do not fit its task: words where it predicts quantities, fractions where whole numbers are classes. They are in no figure, so
//! that they come is a finding. It goes on until none has come for an hour, or until the task is another one.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::finding::{Figures, Pattern, Severity};
use super::{About, Analysis, Watched};
use crate::monitor::model::{Model, Models};
use crate::monitor::task::{Reading, Side};
use crate::monitor::turn::Turn;
use crate::time::{Span, Timestamp};

/// The finding is over once no such value has come for so long, in log time.
const OVER_AFTER: Span = Span::from_secs(3_600);

/// Before so many values have come, what the task is may be guessed wrong.
const VALUES_MIN: u64 = 30;

/// From this share of the values of one look on the finding is critical, if there are as many values.
const SHARE_CRITICAL: f64 = 0.5;
const VALUES_CRITICAL: u64 = 30;

/// What was known of a model's values when they were last looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnfitValues {
    pub reading: Reading,
    pub predictions: Unfit,
    pub labels: Unfit,
    /// When the newest was seen, in log time.
    last_at: Timestamp,
    /// Ordinal of the finding that goes on.
    finding: Option<u32>,
}

/// Values of one side that do not fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unfit {
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The first of them.
    pub examples: Vec<CompactString>,
}

impl Unfit {
    /// Values of `side` that `reading` does not take.
    pub fn of(side: &Side, reading: Reading) -> Self {
        let (count, examples) = side.unfit(reading);
        Self { count, of: side.count(), examples: examples.into_iter().map(CompactString::from).collect() }
    }

    fn share_since(&self, before: &Self) -> f64 {
        let of = self.of.saturating_sub(before.of);
        if of < VALUES_CRITICAL { 0.0 } else { self.count.saturating_sub(before.count) as f64 / of as f64 }
    }

    fn share(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }
}

/// What a look at the values of a model tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Values that do not fit have come, or are read in another way now.
    More,
    /// Corrections have taken some of them back.
    Fewer,
    /// None has come for long.
    Silence,
}

impl UnfitValues {
    fn news(&self, reading: Option<Reading>, [predictions, labels]: [u64; 2], now: Timestamp) -> Option<News> {
        if Some(self.reading) != reading || self.predictions.count < predictions || self.labels.count < labels {
            Some(News::More)
        } else if self.finding.is_some() && OVER_AFTER <= now - self.last_at {
            Some(News::Silence)
        } else {
            (predictions < self.predictions.count || labels < self.labels.count).then_some(News::Fewer)
        }
    }

    /// The larger share of both sides.
    fn figures(&self) -> Figures {
        let share = self.predictions.share().max(self.labels.share());
        Figures { value: Some(share), expected: Some(0.0), ..Figures::default() }
    }
}

impl Analysis {
    /// Looks at the values of all models.
    pub(in crate::monitor) fn judge_values(&mut self, turn: &mut Turn<'_>, models: &Models) {
        for model in models.iter() {
            let sides = [&model.values.predictions, &model.values.labels];
            let is_enough = VALUES_MIN <= sides.iter().map(|side| side.count()).sum();
            let reading = model.profile.classes.decision.reading.filter(|_| is_enough);
            let counts = sides.map(|side| reading.map_or(0, |reading| side.unfit_count(reading)));
            let id = self.by_name.get(&(About::Model, model.name.clone())).copied();
            let known = id.and_then(|id| self.get(id).watched.unfit.as_ref());
            let news = match known {
                None => (counts != [0, 0]).then_some(News::More),
                Some(known) => known.news(reading, counts, turn.time()),
            };
            if let Some(news) = news {
                let id = id.unwrap_or_else(|| self.id_of(About::Model, &model.name));
                self.turns += u64::from(self.change(id).hear_of_values(turn, model, news));
            }
        }
    }
}

impl Watched {
    /// Takes in what a look at the values of its model says. True if a finding begins or is over.
    fn hear_of_values(&mut self, turn: &mut Turn<'_>, model: &Model, news: News) -> bool {
        let before = self.unfit.take();
        let finding = before.as_ref().and_then(|before| before.finding);
        let now = model.profile.classes.decision.reading.map(|reading| UnfitValues {
            reading,
            predictions: Unfit::of(&model.values.predictions, reading),
            labels: Unfit::of(&model.values.labels, reading),
            last_at: before.as_ref().filter(|_| news != News::More).map_or_else(|| turn.time(), |before| before.last_at),
            finding,
        });
        let goes_on = news != News::Silence && now.as_ref().is_some_and(|now| now.predictions.count + now.labels.count != 0);
        self.unfit = now;
        match (finding, goes_on) {
            (None, true) if news == News::More => {
                self.begin_unfit(turn, before.as_ref());
                true
            }
            (None, _) => false,
            (Some(ordinal), true) => {
                self.follow_unfit(turn, ordinal, before.as_ref());
                false
            }
            (Some(ordinal), false) => {
                self.end(turn, ordinal, Pattern::Unfit, turn.time(), None);
                self.unfit.iter_mut().for_each(|now| now.finding = None);
                true
            }
        }
    }

    fn begin_unfit(&mut self, turn: &mut Turn<'_>, before: Option<&UnfitValues>) {
        let Some(figures) = self.unfit.as_ref().map(UnfitValues::figures) else { return };
        let severity = self.severity_of_unfit(before);
        let ordinal = self.begin(turn, Pattern::Unfit, None, turn.time(), figures);
        self.note_severity(ordinal, severity);
        self.unfit.iter_mut().for_each(|now| now.finding = Some(ordinal));
    }

    fn follow_unfit(&mut self, turn: &Turn<'_>, ordinal: u32, before: Option<&UnfitValues>) {
        let Some(figures) = self.unfit.as_ref().map(UnfitValues::figures) else { return };
        let severity = self.severity_of_unfit(before);
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.ordinal == ordinal) {
            finding.follow(turn.time(), figures);
            finding.figures = figures;
        }
        self.note_severity(ordinal, severity);
    }

    /// Whether half of what came since `before` does not fit.
    fn severity_of_unfit(&self, before: Option<&UnfitValues>) -> Severity {
        let Some(now) = &self.unfit else { return Severity::Warning };
        let nothing = Unfit::default();
        let (predictions, labels) = before.map_or((&nothing, &nothing), |before| (&before.predictions, &before.labels));
        let share = now.predictions.share_since(predictions).max(now.labels.share_since(labels));
        if SHARE_CRITICAL <= share { Severity::Critical } else { Severity::Warning }
    }
}
