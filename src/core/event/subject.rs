//! The subject grammar: `<root>.in.<kind>.<source>` carries input, `<root>.out.<kind>.<source>` derived facts,
//! `<root>.job.<kind>.<about>` work. The only place that builds or reads a subject.

use crate::event::Kind;
use crate::ids::{Slug, token};

/// The first token of every subject, `tw` by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(Slug);

impl Root {
    pub const fn new(root: Slug) -> Self {
        Self(root)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Where a record of `kind` from `source` is published.
    pub fn input(&self, kind: Kind, source: &Slug) -> String {
        format!("{}.in.{}.{source}", self.0, kind.as_str())
    }

    /// Where a fact is published; `about` may be any text, it is encoded as one token.
    pub fn fact(&self, fact: &str, about: &str) -> String {
        format!("{}.out.{fact}.{}", self.0, token(about))
    }

    /// Where a job is ordered; `about` may be any text, it is encoded as one token.
    pub fn job(&self, kind: &str, about: &str) -> String {
        format!("{}.job.{kind}.{}", self.0, token(about))
    }

    /// The kind and source of an input subject. `None` if `subject` is not one of ours or its source is no slug; an unknown
    /// kind is [`Kind::Unknown`].
    pub fn parse_input(&self, subject: &str) -> Option<(Kind, Slug)> {
        let mut tokens = subject.split('.');
        let ours = tokens.next() == Some(self.as_str()) && tokens.next() == Some("in");
        let (kind, source) = (tokens.next()?, tokens.next()?);
        if !ours || tokens.next().is_some() {
            return None;
        }
        Some((Kind::from_token(kind), Slug::try_from(source).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_back_as_it_was_built() {
        let root = Root::new(Slug::try_from("tw").unwrap());
        let source = Slug::try_from("web-01").unwrap();
        assert_eq!(root.parse_input(&root.input(Kind::Label, &source)), Some((Kind::Label, source)));
        assert_eq!(root.job("retrain", "a.b"), "tw.job.retrain.a=2Eb");
        assert_eq!(root.fact("window_closed", "a.b *"), "tw.out.window_closed.a=2Eb=20=2A");
    }

    #[test]
    fn a_foreign_subject_is_not_read() {
        let root = Root::new(Slug::try_from("tw").unwrap());
        for foreign in ["tw.in.label", "tw.in.label.a.b", "tw.out.label.a", "x.in.label.a", "tw.in.label.a b"] {
            assert_eq!(root.parse_input(foreign), None, "{foreign}");
        }
    }
}
