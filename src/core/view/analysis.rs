//! What is out of the ordinary in servers, services and models, as the channel `ai-analysis` (D15) and the API show it.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::token;
use crate::monitor::analysis::finding::{Finding, Pattern, Severity};
use crate::monitor::analysis::series::Series;
use crate::monitor::analysis::{About, Subject, Watched};
use crate::monitor::drift::Track;
use crate::monitor::drift::baseline;
use crate::monitor::model::Model;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::together::{Group, groups};
use crate::view::wording;

/// Everything that is found, at one moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnalysisReport {
    pub position: u64,
    pub epoch: u64,
    /// Log time.
    pub at: String,
    pub summary: AnalysisSummary,
    /// Those that go on first, critical ones before others, newer before older.
    pub items: Vec<FindingFigures>,
    /// The `cursor` of what follows; null at the end.
    pub next: Option<String>,
    /// Findings that began within minutes of each other.
    pub together: Vec<Group>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct AnalysisSummary {
    /// Series whose usual values are known.
    pub watched_series: u64,
    /// Series of which too little has come.
    pub learning_series: u64,
    /// Series beyond the bounds, which nobody watches.
    pub unwatched_series: u64,
    /// Findings that go on, and of them those of each kind.
    pub open: u64,
    pub critical: u64,
    pub by_kind: BTreeMap<&'static str, u64>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FindingFigures {
    pub id: String,
    /// anomaly, shift, leak, trend, silence, refused, model_names, source_names, unfit, process or drift.
    pub kind: &'static str,
    /// source, model or producer: who publishes under a source token.
    pub about: &'static str,
    /// Of the source, the model or the producer.
    pub name: String,
    /// Null of a silence and of refusals.
    pub series: Option<SeriesName>,
    /// open or closed.
    pub state: &'static str,
    /// warning or critical.
    pub severity: &'static str,
    pub started_at: String,
    /// Null while it goes on.
    pub ended_at: Option<String>,
    pub last_at: String,
    /// The newest value.
    pub now: Option<f64>,
    /// Where it was farthest, what was expected then, and the band that was ordinary; of a leak or a trend, the newest, and what it began from.
    pub value: Option<f64>,
    pub expected: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Usual deviations from what was expected. Of a leak or a trend: standard deviations of Mann and Kendall's statistic above chance. Of a
    /// drift: the population stability index.
    pub score: Option<f64>,
    /// Rise in the unit of the series.
    pub change_per_hour: Option<f64>,
    /// When what is a share reaches its whole at this pace.
    pub limit_at: Option<String>,
    /// All of it in a sentence.
    pub text: String,
    /// What the series was lately, for a chart; null where that no longer reaches back to the beginning, and of a silence or a drift.
    pub trail: Option<SeriesTrail>,
    #[serde(skip)]
    pub(super) began: Timestamp,
    /// The number of the subject, and the place of the series there.
    #[serde(skip)]
    place: Option<(u32, u16)>,
}

/// Means of equal stretches of a series, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesTrail {
    /// Where the newest ends.
    pub end: String,
    pub step_seconds: f64,
    pub values: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesName {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub unit: Option<String>,
}

/// What is usual for one series, and what it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesFigures {
    #[serde(flatten)]
    pub series: SeriesName,
    /// learning or watched.
    pub state: &'static str,
    /// Hours of the rhythm that is known: 0, 24 (of the day) or 168 (of the week).
    pub rhythm_hours: usize,
    /// The newest point: a mean of half a minute, or of a counter its growth a second.
    pub at: Option<String>,
    pub value: Option<f64>,
    pub expected: Option<f64>,
    /// The band that is ordinary.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Usual deviations from what was expected.
    pub score: Option<f64>,
    /// Whether an anomaly, a leak or a trend goes on.
    pub is_unusual: bool,
    /// What it was in the last half hour, five hours and two and a half days, where there is so much of it without a hole.
    pub trails: Vec<SeriesTrail>,
}

/// Which findings are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub kind: Option<String>,
    pub name: Option<String>,
    /// Only about sources and models whose name holds this text, in small letters.
    pub text: Option<String>,
    pub is_open: Option<bool>,
    pub limit: usize,
    /// The id of the last finding of the page before.
    pub after: Option<String>,
}

impl AnalysisReport {
    pub fn of(view: &View, wanted: &Wanted) -> Self {
        let subjects = || view.analysis.values().map(|subject| &**subject.watched);
        let of_sources = view.analysis.iter().flat_map(|(number, subject)| {
            subject.watched.findings.iter().map(|finding| FindingFigures::of(*number, &subject.watched, finding))
        });
        let of_models = view.models.values().flat_map(|model| drifts(model));
        let all: Vec<FindingFigures> = of_sources.chain(of_models).collect();
        let mut summary = AnalysisSummary::default();
        for watched in subjects() {
            let learning = watched.series.iter().filter(|series| series.is_learning()).count() as u64;
            summary.learning_series += learning;
            summary.watched_series += watched.series.len() as u64 - learning;
            summary.unwatched_series += watched.unwatched;
        }
        for finding in all.iter().filter(|finding| finding.is_open()) {
            summary.open += 1;
            summary.critical += u64::from(finding.severity == "critical");
            *summary.by_kind.entry(finding.kind).or_default() += 1;
        }
        let together = if wanted.limit == 0 { Vec::new() } else { groups(view, &all) };
        let mut findings: Vec<FindingFigures> = all.into_iter().filter(|finding| wanted.is_met_by(finding)).collect();
        findings.sort_by(|a, b| {
            let grave = |finding: &FindingFigures| {
                (finding.is_open(), finding.is_open() && finding.severity == "critical", finding.began)
            };
            grave(b).cmp(&grave(a)).then_with(|| a.id.cmp(&b.id))
        });
        // a finding that is gone leaves nothing to go on from: the page begins anew
        let last = wanted.after.as_ref().and_then(|id| findings.iter().position(|finding| finding.id == *id));
        let mut rest = findings.into_iter().skip(last.map_or(0, |last| last + 1));
        let mut items: Vec<FindingFigures> = rest.by_ref().take(wanted.limit).collect();
        items.iter_mut().for_each(|finding| finding.trail = finding.lately(view));
        let next = rest.next().and_then(|_| items.last()).map(|last| token(&last.id));
        let at = view.log_time.to_string();
        Self { position: view.position, epoch: view.epoch, at, summary, items, next, together }
    }
}

impl Wanted {
    fn is_met_by(&self, finding: &FindingFigures) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == finding.kind)
            && self.name.as_ref().is_none_or(|name| *name == finding.name)
            && self.text.as_ref().is_none_or(|text| finding.name.to_lowercase().contains(text.as_str()))
            && self.is_open.is_none_or(|open| open == finding.is_open())
    }
}

impl FindingFigures {
    fn of(number: u32, watched: &Watched, finding: &Finding) -> Self {
        let series = finding.series.map(|place| &watched.series[usize::from(place)]);
        let figures = &finding.figures;
        Self {
            id: id_of(watched, finding.ordinal),
            kind: match finding.pattern {
                Pattern::Anomaly => "anomaly",
                Pattern::Shift => "shift",
                Pattern::Leak => "leak",
                Pattern::Trend => "trend",
                Pattern::Silence => "silence",
                Pattern::Refused => "refused",
                Pattern::ModelNames => "model_names",
                Pattern::SourceNames => "source_names",
                Pattern::Unfit => "unfit",
                Pattern::Process => "process",
            },
            about: watched.about.as_str(),
            name: watched.name.to_string(),
            series: series.map(SeriesName::of),
            state: if finding.is_open() { "open" } else { "closed" },
            severity: match finding.severity {
                Severity::Warning => "warning",
                Severity::Critical => "critical",
            },
            started_at: finding.since.to_string(),
            ended_at: finding.until.map(|until| until.to_string()),
            last_at: finding.last_at.to_string(),
            now: finding.now,
            value: figures.value,
            expected: figures.expected,
            low: figures.low,
            high: figures.high,
            score: figures.score,
            change_per_hour: figures.per_hour,
            limit_at: figures.limit_at.map(|limit| limit.to_string()),
            text: wording::sentence(watched, series, finding),
            trail: None,
            began: finding.since,
            place: finding.series.map(|place| (number, place)),
        }
    }

    /// The finest trail of its series that begins before the finding did.
    fn lately(&self, view: &View) -> Option<SeriesTrail> {
        let (number, place) = self.place?;
        let series = view.analysis.get(&number)?.watched.series.get(usize::from(place))?;
        series.trails().into_iter().find_map(|(end, step, values)| {
            let first = end.micros() - step.micros() * i64::try_from(values.len()).ok()?;
            (2 <= values.len() && first <= self.began.micros()).then(|| SeriesTrail::of(end, step, &values))
        })
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }
}

impl SeriesTrail {
    fn of(end: Timestamp, step: Span, values: &[f64]) -> Self {
        let values = values.iter().map(|value| *value as f32).collect();
        Self { end: end.to_string(), step_seconds: step.secs_f64(), values }
    }
}

impl SeriesName {
    fn of(series: &Series) -> Self {
        Self {
            name: series.name.to_string(),
            labels: series.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            unit: series.unit.as_ref().map(ToString::to_string),
        }
    }
}

impl SeriesFigures {
    /// Every series of a subject.
    pub fn of(subject: &Subject) -> Vec<Self> {
        let series = (0..).zip(&subject.watched.series);
        let figures = series.map(|(place, series)| {
            let (at, figures) = series.newest.unzip();
            let figures = figures.unwrap_or_default();
            Self {
                series: SeriesName::of(series),
                state: if series.is_learning() { "learning" } else { "watched" },
                rhythm_hours: subject.period_hours(place),
                at: at.map(|at| at.to_string()),
                value: figures.value,
                expected: figures.expected,
                low: figures.low,
                high: figures.high,
                score: figures.score,
                is_unusual: series.anomaly.is_some() || series.rise.is_some(),
                trails: series
                    .trails()
                    .into_iter()
                    .filter(|(_, _, values)| 2 <= values.len())
                    .map(|(end, step, values)| SeriesTrail::of(end, step, &values))
                    .collect(),
            }
        });
        figures.collect()
    }
}

/// The subject about a source or a model, if anything of it is analysed.
pub fn subject_of<'v>(view: &'v View, about: About, name: &str) -> Option<&'v Subject> {
    view.analysis.values().find(|subject| subject.watched.about == about && subject.watched.name.as_str() == name)
}

/// What the log says is wrong with the process of that source token: by code, whether it is critical.
pub fn conditions_of(view: &View, process: &str) -> BTreeMap<CompactString, bool> {
    let findings = subject_of(view, About::Process, process).map(|subject| subject.watched.findings.iter());
    let open = findings.into_iter().flatten().filter(|finding| finding.is_open());
    open.filter_map(|finding| finding.notice.as_ref()).map(|notice| (notice.code.clone(), notice.is_critical)).collect()
}

pub(super) fn id_of(watched: &Watched, ordinal: u32) -> String {
    format!("{}/{}/{ordinal}", watched.about.as_str(), watched.name)
}

/// The drifts of the versions of a model that go on.
fn drifts(model: &Model) -> Vec<FindingFigures> {
    model.drift.tracks.iter().flat_map(|track| drifts_of(model, track)).collect()
}

fn drifts_of(model: &Model, track: &Track) -> Vec<FindingFigures> {
    let Some(baseline) = &track.baseline else { return Vec::new() };
    let columns = baseline.columns.iter().zip(&track.watch.standings);
    let drifted = columns.filter_map(|(column, standing)| {
        let since = standing.since?;
        let name = column.subject();
        let version = track.watch.version.as_ref();
        let of_version = version.map_or_else(String::new, |version| format!(", version {version},"));
        Some(FindingFigures {
            id: format!("drift/{}/{}/{name}", model.name, version.map_or("", |version| version.as_str())),
            kind: "drift",
            about: About::Model.as_str(),
            name: model.name.to_string(),
            text: match column.group {
                baseline::Group::Multivariate => {
                    format!("the features of {}{of_version} no longer move together as in its reference", model.name)
                }
                _ => format!("{name} of {}{of_version} is not distributed as on its reference", model.name),
            },
            series: Some(SeriesName {
                name,
                labels: version.map(|version| ("version".to_owned(), version.to_string())).into_iter().collect(),
                unit: None,
            }),
            state: "open",
            severity: "warning",
            started_at: since.to_string(),
            ended_at: None,
            last_at: track.watch.score.as_ref().map_or(since, |score| score.window).to_string(),
            now: None,
            value: None,
            expected: None,
            low: None,
            high: None,
            score: standing.figures.map(|figures| figures.psi),
            change_per_hour: None,
            limit_at: None,
            trail: None,
            began: since,
            place: None,
        })
    });
    drifted.collect()
}
