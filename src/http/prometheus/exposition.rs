//! The text formats that Prometheus reads: its own, version 0.0.4, and OpenMetrics 1.0.0. Knows families, samples and escapes, and
//! nothing of what they mean.

use std::fmt::Write;

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    OpenMetrics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its samples end in `_total`.
    Counter,
    Gauge,
    /// Quantiles only.
    Summary,
}

/// A page while it is written.
pub struct Exposition {
    format: Format,
    /// Put after the labels of every sample, written out.
    external: String,
    family: String,
    page: String,
}

impl Format {
    /// What an `Accept` header asks for: the format of the highest quality, the text format where nothing is said.
    pub fn asked_for(accept: &str) -> Self {
        let quality = |wanted: &str| {
            let found = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                if !parts.next()?.eq_ignore_ascii_case(wanted) {
                    return None;
                }
                Some(parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok()).unwrap_or(1.0))
            });
            found.fold(0.0, f64::max)
        };
        let open_metrics = quality("application/openmetrics-text");
        if 0.0 < open_metrics && quality("text/plain") <= open_metrics { Self::OpenMetrics } else { Self::Text }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    pub fn new(format: Format, external: &[(String, String)]) -> Self {
        let mut labels = String::new();
        external.iter().for_each(|(name, value)| label(&mut labels, name, value));
        Self { format, external: labels, family: String::new(), page: String::new() }
    }

    /// Begins a family; `name` without `_total`.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        self.family = name.to_owned();
        let (kind, suffix) = match (kind, self.format) {
            // the older format names a counter with its ending, the newer one without
            (Kind::Counter, Format::Text) => ("counter", "_total"),
            (Kind::Counter, Format::OpenMetrics) => ("counter", ""),
            (Kind::Gauge, _) => ("gauge", ""),
            (Kind::Summary, _) => ("summary", ""),
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(self.page, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}")
            .expect("writing to a String cannot fail");
    }

    /// A sample of the family that was begun last.
    pub fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        self.page.push_str(&self.family);
        self.page.push_str(suffix);
        let mut written = String::new();
        labels.iter().for_each(|(name, value)| label(&mut written, name, value));
        written.push_str(&self.external);
        if !written.is_empty() {
            write!(self.page, "{{{}}}", written.trim_end_matches(',')).expect("writing to a String cannot fail");
        }
        match value {
            f64::INFINITY => self.page.push_str(" +Inf"),
            f64::NEG_INFINITY => self.page.push_str(" -Inf"),
            finite => write!(self.page, " {finite}").expect("writing to a String cannot fail"),
        }
        self.page.push('\n');
    }

    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.page.push_str("# EOF\n");
        }
        self.page
    }
}

fn label(labels: &mut String, name: &str, value: &str) {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    write!(labels, "{name}=\"{escaped}\",").expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::asked_for(prometheus), Format::OpenMetrics);
        assert_eq!(Format::asked_for("text/plain, application/openmetrics-text;q=0.5"), Format::Text);
        assert_eq!(Format::asked_for("application/openmetrics-text;q=0"), Format::Text);
        assert_eq!(Format::asked_for("*/*"), Format::Text);
        assert_eq!(Format::asked_for(""), Format::Text);
    }

    #[test]
    fn a_page_is_written_as_each_format_has_it() {
        let external = [("cluster".to_owned(), "a".to_owned())];
        let write = |format| {
            let mut page = Exposition::new(format, &external);
            page.family("seen", Kind::Counter, "What\nwas seen.");
            page.sample("_total", &[("name", "a\"\\\n")], 3.0);
            page.family("now", Kind::Gauge, "It is.");
            page.sample("", &[], f64::NEG_INFINITY);
            page.finish()
        };
        let text = "# HELP seen_total What\\nwas seen.\n# TYPE seen_total counter\nseen_total{name=\"a\\\"\\\\\\n\",cluster=\"a\"} 3\n\
            # HELP now It is.\n# TYPE now gauge\nnow{cluster=\"a\"} -Inf\n";
        assert_eq!(write(Format::Text), text);
        let open_metrics =
            text.replace("# HELP seen_total", "# HELP seen").replace("# TYPE seen_total", "# TYPE seen") + "# EOF\n";
        assert_eq!(write(Format::OpenMetrics), open_metrics);
    }
}
