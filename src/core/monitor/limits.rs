//! Every state has a bound. What hits one is refused or folded with a counter; the rest is unharmed.

use crate::time::Span;

/// Width of a pane: the smallest window we keep.
pub const PANE_WIDTH: Span = Span::from_secs(60);

/// How far behind its model's newest event an event may be and still be on time.
pub const LATENESS: Span = Span::from_secs(30);

/// Log time without an event after which a model's newest pane closes by itself.
pub const IDLE_TIMEOUT: Span = Span::from_secs(10);

/// How long after its model's newest event a prediction can still be corrected or labelled.
pub const HORIZON: Span = Span::from_secs(30 * 86_400);

/// Between the horizon and this much beyond it a prediction is still known, so its label is counted as too late; after that its
/// join row may be gone and the label is one without a prediction.
pub const HORIZON_MEMORY: Span = Span::from_secs(31 * 86_400);

/// How long, in log time, a label waits for its prediction.
pub const PARKED_MAX: Span = Span::from_secs(3_600);

/// Closed panes stay in memory this long behind the watermark: most labels arrive within minutes.
pub const HOT: Span = Span::from_secs(300);

/// Between log time and a model's newest event, before it is stale; and how many of its usual gaps between two predictions it waits if these
/// take longer.
pub const STALE_AFTER: Span = Span::from_secs(300);
pub const STALE_GAPS: f64 = 20.0;

/// Without a label for this long, and for so many times their usual delay, while predictions go on, nothing is said of answers any more. Where
/// labels come once a day the longest delay is twice the usual one.
pub const LABELS_OVERDUE: Span = Span::from_secs(3_600);
pub const LABELS_OVERDUE_DELAYS: f64 = 3.0;

/// Fewest records that a figure rests on when it is compared to a threshold.
pub const SAMPLES_MIN: u64 = 30;

/// How long what has arrived counts for the status of a model.
pub const EVIDENCE_KEPT: Span = Span::from_secs(7 * 86_400);

/// How long after its first prediction a model without any label is not judged without.
pub const LABEL_PATIENCE: Span = Span::from_secs(86_400);

/// Newest panes that are read for the segment behind a bad status: six hours.
pub const EXPLAINED_PANES_MAX: i64 = 360;

/// For how long after a bad status the segment behind it is looked for again, in the panes in memory, if it was not found at once.
pub const EXPLAINED_WITHIN: Span = Span::from_secs(900);

/// Changes of one model's status that are remembered, and for how long: beyond 30 days, so that a strip of them is whole.
pub const HISTORY_MAX: usize = 500;
pub const HISTORY_KEPT: Span = Span::from_secs(31 * 86_400);

/// Thresholds of one model beside those of all models.
pub const OWN_THRESHOLDS_MAX: usize = 64;

/// First labels of a regression, whose loss the later ones are compared to.
pub const LOSS_REFERENCE: u64 = 200;

/// Models; records of further models are rejected as `too_many_models`.
pub const MODELS_MAX: usize = 20_000;

/// Models, and kinds of records of sources, that were forgotten and whose rows are still being deleted; a command that would forget more is
/// rejected as `too_many_forgotten`. Rows that one tick deletes, at some 10 µs each.
pub const FORGOTTEN_MAX: usize = 65_536;
pub const FORGOTTEN_ROWS_PER_TICK: usize = 8_192;

/// Of all the names of models or sources there is room for, the share from which on it is a finding that so many are used, in percent; and
/// that below which it is over.
pub const NAMES_MANY_PERCENT: usize = 80;
pub const NAMES_FEWER_PERCENT: usize = 75;

/// Tags of one model; a command that would give it more is rejected.
pub const TAGS_MAX: usize = 20;

/// Sources of samples, logs, events, snapshots and jobs; records of further ones are rejected as `too_many_sources`.
pub const SOURCES_MAX: usize = 20_000;

/// A source of which nothing has come for so long, in log time, is forgotten, so that there is room for new names: hosts and pods come and go.
/// So many a tick, since the findings about each end with it.
pub const SOURCE_KEPT: Span = Span::from_secs(30 * 86_400);
pub const SOURCES_RETIRED_PER_TICK: usize = 256;

/// Classes of one model. What is of a further one is in no figure; it is counted and told as a value that does not fit. Room for the
/// thousand classes of the usual image models.
pub const CLASSES_MAX: usize = 1_024;

/// Classes of one window that have figures of their own and a row of the confusion matrix: those seen most. All are in the totals.
pub const CLASSES_SHOWN_MAX: usize = 256;

/// Different numbers of one model that are kept as classes while nothing says that they are some.
pub const NUMBERS_MAX: usize = 64;

/// The same where names are the classes: more different numbers than this are quantities, and none of the names.
pub const NUMBERS_AMONG_NAMES_MAX: usize = 256;

/// Labelled predictions that the task of a model is decided from; after that it is kept.
pub const TASK_ROWS: u32 = 1_000;

/// Labelled predictions of a version, from the first that does not fit the task on, of which the majority must be of another kind.
pub const TASK_DOUBT_ROWS: u32 = 100;

/// Changes of the task of single versions kept for the read side, newest last.
pub const TASK_CHANGES_MAX: usize = 16;

/// Combinations of version and segment values of one model whose version is not retired; records of further ones count in the model's totals
/// only. And such combinations that are known: those of retired versions name what their windows hold.
pub const CELLS_MAX: usize = 1_000;
pub const CELLS_KNOWN_MAX: usize = 32_768;

/// Latest metric values kept per source; values of further series are counted and dropped.
pub const SERIES_MAX: usize = 1_000;

/// Logs, events, snapshots and jobs kept per source and kind, newest first.
pub const NOTES_MAX: u64 = 1_000;

/// The longest body of a kept record; of a longer one only its size is kept, the log has the rest.
pub const NOTE_BYTES_MAX: usize = 64 << 10;

/// Jobs that are kept, the newest; and batches. Of a job's texts so many bytes each: command, error, result.
pub const JOBS_MAX: usize = 20_000;
pub const BATCHES_MAX: usize = 2_000;
pub const JOB_TEXT_BYTES_MAX: usize = 4_096;

/// Rejected records listed, newest first; all of them stay counted, and their bytes stay in the log.
pub const REJECTED_MAX: u64 = 10_000;

/// Rejected records of one message that are listed one by one; the others of it are counted. A frame of nothing but
/// faults must not become a thousand times its size.
pub const REJECTED_PER_MESSAGE_MAX: u32 = 256;

/// Rejected records that are listed, and messages with rejected ones that are announced: so many at once, and so many more with each second
/// of the log. Of each message at least one record is listed.
pub const REJECTIONS_LISTED_BURST: u32 = 2_048;
pub const REJECTIONS_LISTED_PER_SECOND: u32 = 100;
pub const REJECTIONS_TOLD_BURST: u32 = 256;
pub const REJECTIONS_TOLD_PER_SECOND: u32 = 10;

/// One-minute windows summarised per model for sparklines.
pub const TRAIL_MAX: usize = 60;

/// Tokens that have not been revoked.
pub const TOKENS_MAX: usize = 1_000;

/// Tokens revoked in the life of a log; after that no more are made.
pub const REVOKED_TOKENS_MAX: usize = 100_000;

/// Features of one version that are watched for drift, first come first watched; the others are decoded and left alone.
pub const FEATURES_WATCHED_MAX: usize = 128;

/// Versions of one model that serve and have a baseline each; predictions of further ones are not compared to anything. And versions that are
/// known, the retired among them: one new every day for five years.
pub const TRACKS_MAX: usize = 64;
pub const TRACKS_KNOWN_MAX: usize = 2_048;

/// Log time without a prediction after which a version is retired, to the day.
pub const VERSION_RETIRED_AFTER: Span = Span::from_secs(30 * 86_400);

/// Values that all references which are being gathered reserve in the store, at some 10 bytes each; beyond this further versions wait for their
/// turn. Thirteen thousand versions of ten features gather at the same time.
pub const GATHERED_VALUES_MAX: u64 = 160_000_000;

/// Rows that a version reserves at least. Of as many rows at most [`CHUNK_ROWS`] are in memory, so that of all reserved values at most
/// 1/31 are: 5.1 million, some 160 MB, however short the references are that the policy asks for.
pub const RESERVED_ROWS_MIN: u64 = 1_000;

/// Rows of one chunk of what is gathered: a commit writes the last chunk anew, and whole ones of a reference lie in the store only.
pub const CHUNK_ROWS: usize = 32;

/// Log time without a row after which a reservation lapses, if others wait for the room.
pub const RESERVATION_PATIENCE: Span = Span::from_secs(900);

/// How often it is looked for reservations that have lapsed, while others wait.
pub const RESERVATIONS_LOOKED_AT: Span = Span::from_secs(60);

/// Values of a training set that comes in more than one part.
pub const UPLOAD_VALUES_MAX: u64 = 500_000;

/// Log time between two parts of a training set that is being uploaded.
pub const UPLOAD_PATIENCE: Span = Span::from_secs(600);

/// Labelled predictions of a regression that its losses are learnt from, and the features they keep.
pub const LESSONS_MAX: usize = 1_000;
pub const LESSON_FEATURES_MAX: usize = 31;

/// Values that all versions which gather lessons reserve, some 24 bytes each in memory; beyond this further versions wait for their turn.
pub const LESSON_VALUES_MAX: u64 = 2_000_000;

/// Predictions of a cell whose losses are each expected; of further ones every so many-th counts for as many.
pub const LOSSES_EACH: u64 = 256;
pub const LOSSES_EVERY: u64 = 8;

/// Versions whose losses are learnt: each then holds up to some 160 KB for good.
pub const LOSS_ESTIMATORS_MAX: u32 = 500;

/// Columns times cells that one pane counts; cells beyond it are not watched for drift in that pane.
pub const PANE_COLUMNS_MAX: usize = 2_048;

/// Columns times cells that a pane of an hour or a day holds, some 300 bytes each; counts beyond are left out and counted.
pub const WIDE_PANE_COLUMNS_MAX: usize = 32_768;

/// After its end an hour is merged from its minutes: most labels have come by then.
pub const ROLLED_AFTER: Span = Span::from_secs(3_600);

/// Panes that one tick reads, writes and deletes to roll up the past, at some 10 µs each. Twenty thousand models ask for 2.4 million an hour, in
/// which there are 720 ticks.
pub const PANES_ROLLED_PER_TICK: usize = 4_096;

/// The longest time that panes are kept, in days: ten years.
pub const RETENTION_DAYS_MAX: u32 = 3_653;

/// Categories of a column with a count of their own, and further ones that are known not to be new.
pub const CATEGORIES_MAX: usize = 64;
pub const CATEGORIES_KNOWN_MAX: usize = 4_096;

/// New categories of a column and pane kept by name.
pub const NEWCOMERS_MAX: usize = 16;

/// Fewest values on each side of a comparison.
pub const COMPARED_MIN: u64 = 100;

/// A week: what an hour is the same hour of.
pub const WEEK: Span = Span::from_secs(7 * 86_400);

/// What "a month" of the alarm budget is.
pub const MONTH: Span = Span::from_secs(30 * 86_400);

/// Labels remembered between two looks of the detectors.
pub const ARRIVALS_MAX: usize = 64;

/// The longest range of the past that a reference is made of, and how many cells and columns of its panes are read for it: at about 3 µs each
/// the log waits 3 s at most.
pub const PAST_MAX: Span = Span::from_secs(31 * 86_400);
pub const PAST_COLUMNS_MAX: usize = 1_000_000;

/// Weeks back that the same hours of a drift window are read, and in how many of them there must be rows.
pub const SEASON_WEEKS: u8 = 4;
pub const SEASON_WEEKS_MIN: u32 = 2;

/// Cells and columns of their panes that are read for one window, at about 3 µs each; one with more is compared with the reference.
pub const SEASON_COLUMNS_MAX: usize = 250_000;

/// Segments of one version that are judged apart: the largest of its reference.
pub const SEGMENTS_MAX: usize = 8;

/// Detectors of one model beside those that every version has.
pub const DETECTORS_MAX: usize = 8;

/// Incidents of one model that are kept; those that are over go first. More than that are open at once only where versions have features of
/// their own. Their numbers tell how many there have been.
pub const INCIDENTS_MAX: usize = 200;

/// Detectors, segments and versions of one incident that are listed; what more of them say is counted as updates.
pub const INCIDENT_PARTS_MAX: usize = 64;

/// How long a version has to be silent, in event time and while other versions go on, until nobody waits any more for it to recover.
pub const INCIDENT_PATIENCE: Span = Span::from_secs(86_400);

/// Event times that are remembered of the values of one detector. They are spaced by the logarithm of how far back they are, so that the
/// bound is reached after 10¹⁵ values.
pub const MARKS_MAX: usize = 256;

/// Baselines of one version in the life of a log; after that its reference cannot be replaced.
pub const BASELINES_MAX: u32 = 1_000;

/// Half a minute of a series of samples is one point of the analysis.
pub const ROUND: Span = Span::from_secs(30);

/// Series watched for anomalies, of one source or model and of all; further ones are kept and not watched.
pub const SERIES_WATCHED_PER_SUBJECT_MAX: usize = 128;
pub const SERIES_WATCHED_MAX: usize = 20_000;

/// Producers of whose records some were refused; further ones are counted in the totals only.
pub const PRODUCERS_MAX: usize = 1_000;

/// Processes that may tell of themselves, by source token; what further ones say is ignored. One runs on a log.
pub const PROCESSES_MAX: usize = 8;

/// Findings of one source or model that are over, kept for the read side.
pub const FINDINGS_OVER_MAX: usize = 20;

/// Log time without a sample after which a source is silent; and after which nobody waits for it any more.
pub const SILENCE_MIN: Span = Span::from_secs(300);
pub const SILENCE_REMEMBERED: Span = Span::from_secs(86_400);

/// Jobs of retraining that are queued or running; a further one is refused as `too_many_jobs`. Of one model there is one at a time.
pub const RETRAININGS_OPEN_MAX: usize = 1_000;

/// Jobs of retraining that have ended and are kept for the read side, newest last.
pub const RETRAININGS_KEPT_MAX: usize = 200;

/// Attempts of one job, after which nobody is expected to finish it.
pub const RETRAINING_ATTEMPTS_MAX: u32 = 3;

/// Models that a policy of retraining names.
pub const MODEL_CONFIGS_MAX: usize = 1_000;

/// Trained versions of one model that are listed, and artifacts that are kept of those that never served.
pub const TRAINED_VERSIONS_MAX: usize = 200;
pub const ARTIFACTS_KEPT: usize = 10;

/// Challengers of one champion that are compared at the same time; with a further one the oldest is given up.
pub const CHALLENGERS_MAX: usize = 2;

/// Decisions about one model that are listed, and pairs of champion and challenger that were rolled back.
pub const DECISIONS_MAX: usize = 100;
pub const BARRED_MAX: usize = 100;

/// How often it is looked whether a model has to be trained anew.
pub const RETRAINING_LOOKED_AT: Span = Span::from_secs(60);

/// Labelled predictions from which on a model is trained by itself: what a training needs at least.
pub const RETRAINING_LABELS_MIN: u64 = 500;

/// Labels, and log time, for which a new champion is compared with the one before.
pub const WATCH_LABELS: u64 = 10_000;
pub const WATCH: Span = Span::from_secs(7 * 86_400);
