//! The report for a person: a line a column, the largest effect first. On a terminal a line fits its width.

use std::io::IsTerminal;

use crate::cli::files::has_colours;
use crate::cli::table::{figure, shown, table};
use crate::view::drift::Test;
use crate::view::drift::files::{Decision, Report};

/// The longest name on a terminal in characters: with it a line has less than 80.
const NAME_MAX: usize = 26;

/// The same beside the tests of a column.
const NAME_BESIDE_TESTS_MAX: usize = 14;

const RED: &str = "\x1b[31m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

pub fn page(report: &Report, tests: bool) -> String {
    let columns = report.by_effect();
    let rows: Vec<[String; 6]> = columns.iter().map(|(name, decision)| row(name, decision)).collect();
    let mut text = String::new();
    let lines = table(["column", "", "psi", "p-value", "missing", "p-value"], 2, &rows);
    let mut lines = lines.lines();
    text.extend([lines.next().unwrap_or_default(), "\n"]);
    for (line, (_, decision)) in lines.zip(&columns) {
        let colour = match (has_colours(), decision.drift, decision.compared) {
            (true, true, _) => Some(RED),
            (true, false, false) => Some(DIM),
            _ => None,
        };
        match colour {
            Some(colour) => text.extend([colour, line, PLAIN, "\n"]),
            None => text.extend([line, "\n"]),
        }
    }
    if tests {
        text.push('\n');
        text.push_str(&of_tests(report, &columns));
    }
    let count = report.drifted().count();
    text.push_str(&format!(
        "\n{} rows against {}; evident is a p-value of at most {}\n{} of {} columns compared\n{count} of {} columns drifted",
        report.rows.current,
        report.rows.reference,
        brief(Some(report.level)),
        report.compared,
        report.given,
        report.given,
    ));
    text
}

fn row(name: &str, decision: &Decision) -> [String; 6] {
    let what = match (decision.drift, decision.compared) {
        (true, _) => "drift",
        (false, true) => "",
        (false, false) => decision.kind,
    };
    let (change, p_value) = match decision.missing_p_value {
        Some(p_value) => (format!("{:+.1} %", 100.0 * decision.missing_change), brief(Some(p_value))),
        None => (String::new(), String::new()),
    };
    [clipped(name, NAME_MAX), what.to_owned(), brief(decision.psi), brief(decision.p_value), change, p_value]
}

/// A figure to three decimals, or as a power of ten.
fn brief(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value != 0.0 && value.abs() < 1e-3 => format!("{value:.0e}"),
        Some(value) => format!("{value:.3}"),
    }
}

/// A name as long as a line of a terminal has room for it; in a file or a pipe the whole.
fn clipped(name: &str, most: usize) -> String {
    let name = shown(name);
    if !std::io::stdout().is_terminal() || name.chars().count() <= most {
        name
    } else {
        name.chars().take(most - 1).chain(['…']).collect()
    }
}

fn of_tests(report: &Report, columns: &[(&str, &Decision)]) -> String {
    let mut rows = Vec::new();
    for (name, tests) in columns.iter().map(|(name, _)| (*name, &report.columns[*name])) {
        for (at, (test, verdict)) in tests.iter().enumerate() {
            let decided = if Test::EVIDENCE.contains(test) { "p <" } else { ">=" };
            rows.push([
                if at == 0 { clipped(name, NAME_BESIDE_TESTS_MAX) } else { String::new() },
                (*test).to_owned(),
                if verdict.drift { "beyond" } else { "" }.to_owned(),
                figure(verdict.statistic),
                figure(verdict.p_value),
                format!("{decided} {}", figure(Some(verdict.threshold))),
            ]);
        }
    }
    table(["column", "test", "", "statistic", "p-value", "threshold"], 3, &rows)
}
