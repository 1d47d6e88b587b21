//! What the commands on files share: reading with progress, and remarks.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::OnceLock;

use crate::train::table::{Table, read_table};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::table::shown;
use crate::files::{Ask, Batch, Error, Input, Told, read};

/// Columns that hold the probability of the positive class.
const SCORES: [&str; 5] = ["score", "y_score", "probability", "y_proba", "proba"];
/// What columns with the probability of a class begin with, before its name: the first is the event's own.
const SCORES_OF: [&str; 4] = ["scores.", "score_", "proba_", "probability_"];

/// What a column is a probability of, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scored<'n> {
    Positive,
    Class(&'n str),
    /// Of this class, if there is one: `score_fico` is of none.
    MayBeClass(&'n str),
}

impl<'n> Scored<'n> {
    /// `None` of a column that holds something else. In whatever case the name is written.
    pub fn of(name: &'n str) -> Option<Self> {
        if SCORES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Some(Self::Positive);
        }
        let class_after = |prefix: &str| {
            let (first, class) = name.split_at_checked(prefix.len())?;
            (first.eq_ignore_ascii_case(prefix) && !class.is_empty()).then_some(class)
        };
        let [own, others @ ..] = SCORES_OF;
        class_after(own).map(Self::Class).or_else(|| others.into_iter().find_map(class_after).map(Self::MayBeClass))
    }
}

/// Files smaller than this are read before anybody looks.
const SHOWN_FROM: u64 = 32 << 20;

/// Reads the file `path`, `-` being standard input, as [`read`] does. On a terminal a bar shows how far it has come.
pub fn each_batch<T: Send>(
    path: &Path,
    plain: bool,
    columns: &(dyn Fn(&str) -> bool + Sync),
    map: impl Fn(Batch) -> Result<T, Error> + Sync,
    fold: impl FnMut(T) -> Result<(), Error>,
) -> anyhow::Result<Told> {
    let input = Input::Path(path.to_owned());
    let bar = OnceLock::new();
    let show = |read: u64, of: Option<u64>| {
        if SHOWN_FROM <= of.unwrap_or(read) {
            bar.get_or_init(|| progress_bar(of, &input.shown())).set_position(read);
        }
    };
    let progress = std::io::stderr().is_terminal().then_some(&show as &(dyn Fn(u64, Option<u64>) + Sync));
    let told = read(&input, Ask { columns, texts: &|_| false, plain, progress }, map, fold);
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    told.with_context(|| format!("cannot read {}", input.shown()))
}

/// Reads the file `path`, `-` being standard input, as the rows of a table, with the same bar. What was not used as it stood is told.
pub fn read_rows(path: &Path) -> anyhow::Result<Table> {
    let bar = OnceLock::new();
    let shown = Input::Path(path.to_owned()).shown();
    let show = |read: u64, of: Option<u64>| {
        if SHOWN_FROM <= of.unwrap_or(read) {
            bar.get_or_init(|| progress_bar(of, &shown)).set_position(read);
        }
    };
    let progress = std::io::stderr().is_terminal().then_some(&show as &(dyn Fn(u64, Option<u64>) + Sync));
    let table = read_table(path.to_owned(), progress);
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    let table = table.with_context(|| format!("cannot read {shown}"))?;
    table.remarks.iter().for_each(|what| remark(what));
    Ok(table)
}

fn progress_bar(of: Option<u64>, name: &str) -> ProgressBar {
    let (bar, template) = match of {
        Some(of) => (ProgressBar::new(of), "{msg} {wide_bar} {bytes} of {total_bytes}, {eta} left"),
        None => (ProgressBar::no_length(), "{msg} {spinner} {bytes}, {bytes_per_sec}"),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
    bar.with_message(name.to_owned())
}

/// Tells a person something beside the answer.
pub fn remark(what: &str) {
    eprintln!("tidewatch: {}", shown(what));
}

/// Whether an answer on standard output may have colours: on a terminal, and unless `NO_COLOR` (<https://no-color.org>) is set.
pub fn has_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
