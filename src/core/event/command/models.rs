//! What people say of a model, of how its values are read and of its versions.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Role;
use crate::event::wire::fault::{Flaws, Problem, Reason};
use crate::ids::Name;

/// Who may describe models, and say what their versions and values are.
pub const ROLE: Role = Role::Operator;

/// Who may delete a model or a source.
pub const ROLE_TO_FORGET: Role = Role::Admin;

/// What a person says the values of a model are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskChoice {
    /// Values are classes.
    Classification,
    /// Values are quantities.
    Regression,
    /// Decided from the first labelled predictions.
    Automatic,
}

/// What people say of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionChoice {
    Serving,
    /// Its answers are compared and not used.
    Shadow,
    /// Nobody asks it any more. With its next prediction it serves again.
    Retired,
}

/// What is to be said of a model; fields left out keep their value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescriptionChange {
    pub model: Name,
    /// A person or a team; empty takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<CompactString>,
    /// All of them, in place of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<CompactString>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_tags: Vec<CompactString>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<CompactString>,
    /// Out of sight in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl DescriptionChange {
    /// A change of that model which says nothing yet.
    pub fn of(model: Name) -> Self {
        Self { model, owner: None, tags: None, add_tags: Vec::new(), remove_tags: Vec::new(), archived: None }
    }
}

/// Bytes of an owner and of a tag: what fits a line of a list.
const WORD_BYTES_MAX: usize = 64;

/// Looks for what is wrong with a description.
pub(super) fn check(change: &DescriptionChange, flaws: &mut Flaws) {
    let DescriptionChange { model: _, owner, tags, add_tags, remove_tags, archived } = change;
    if owner.is_none() && tags.is_none() && archived.is_none() && add_tags.is_empty() && remove_tags.is_empty() {
        let detail = "give at least one of owner, tags, add_tags, remove_tags and archived".to_owned();
        flaws.add(Problem::new(Reason::BadCommand, detail));
    }
    let is_word = |text: &str| text.len() <= WORD_BYTES_MAX && !text.chars().any(char::is_control);
    let bad = |detail: &str| {
        Problem::new(Reason::BadName, format!("{detail} of at most {WORD_BYTES_MAX} bytes, without control characters"))
    };
    if owner.as_deref().is_some_and(|owner| !is_word(owner)) {
        flaws.add(bad("an owner is a text").under("owner"));
    }
    for (key, tags) in [("tags", tags.as_ref()), ("add_tags", Some(add_tags)), ("remove_tags", Some(remove_tags))] {
        for (index, tag) in tags.into_iter().flatten().enumerate() {
            if tag.trim().is_empty() || !is_word(tag) {
                flaws.add(bad("a tag is a word").under(&index.to_string()).under(key));
            }
        }
    }
}
