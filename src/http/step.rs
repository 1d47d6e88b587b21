//! A name as one step of a path. Every URL parser takes `.` and `..` for directions, percent-encoded too, and drops them. So a name
//! that is one or two dots, with any number of `~` before them, carries one `~` more: `.` is `~.`, and `~.` is `~~.`.

use serde::Deserialize;

/// The name that a step of a path, percent-decoded, stands for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Step(pub String);

impl From<String> for Step {
    fn from(step: String) -> Self {
        match step.strip_prefix('~') {
            Some(name) if matches!(name.trim_start_matches('~'), "." | "..") => Self(name.to_owned()),
            _ => Self(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_dots_is_told_by_the_tilde_before_it_and_every_other_name_is_itself() {
        let names = [
            ("~.", "."),
            ("~..", ".."),
            ("~~.", "~."),
            ("~~~..", "~~.."),
            ("~...", "~..."),
            ("~", "~"),
            ("~a.", "~a."),
            ("fraud", "fraud"),
        ];
        for (step, name) in names {
            assert_eq!(Step::from(step.to_owned()), Step(name.to_owned()), "{step}");
        }
    }
}
