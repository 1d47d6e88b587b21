//! What people say of a model: whose it is, words to find it by, and whether it is still of interest. Changes no figure and no status.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::DescriptionChange;
use crate::monitor::limits::TAGS_MAX;
use crate::monitor::model::{Models, Verdict};
use crate::monitor::{Place, bound_reached};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// A person or a team.
    pub owner: Option<CompactString>,
    /// Ascending, each once.
    pub tags: Vec<CompactString>,
    /// Out of sight in lists unless they are asked for it; watched like any other.
    pub archived: bool,
}

impl Models {
    /// A model that is not known yet has nothing to describe.
    pub(in crate::monitor) fn on_description(&mut self, place: Place<'_>, change: &DescriptionChange) -> Verdict {
        let Some(known) = self.by_name(change.model.as_str()) else { return Verdict::Ignored };
        let next = match known.profile.description.changed(change) {
            Ok(next) if next == known.profile.description => return Verdict::Ignored,
            Ok(next) => next,
            Err(detail) => return bound_reached("bad_description", detail),
        };
        let id = known.id;
        let model = self.touch(id, place.seq);
        model.profile_mut().description = next;
        Verdict::Applied
    }
}

impl Description {
    /// With what a change says; what it leaves out stays.
    fn changed(&self, change: &DescriptionChange) -> Result<Self, String> {
        let mut next = self.clone();
        if let Some(owner) = &change.owner {
            next.owner = Some(owner.clone()).filter(|owner| !owner.is_empty());
        }
        if let Some(tags) = &change.tags {
            next.tags = tags.clone();
        }
        next.tags.extend(change.add_tags.iter().cloned());
        next.tags.retain(|tag| !change.remove_tags.contains(tag));
        next.tags.sort_unstable();
        next.tags.dedup();
        next.archived = change.archived.unwrap_or(next.archived);
        if TAGS_MAX < next.tags.len() { Err(format!("a model has at most {TAGS_MAX} tags")) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<CompactString> {
        words.iter().map(|word| CompactString::from(*word)).collect()
    }

    fn change() -> DescriptionChange {
        DescriptionChange::of(crate::ids::Name::try_from("fraud").unwrap())
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let first = DescriptionChange { owner: Some("risk".into()), tags: Some(words(&["b", "a", "b"])), ..change() };
        let described = Description::default().changed(&first).unwrap();
        assert_eq!((described.owner.as_deref(), &described.tags), (Some("risk"), &words(&["a", "b"])));
        let second =
            DescriptionChange { add_tags: words(&["c"]), remove_tags: words(&["a"]), archived: Some(true), ..change() };
        let described = described.changed(&second).unwrap();
        assert_eq!(
            (described.owner.as_deref(), &described.tags, described.archived),
            (Some("risk"), &words(&["b", "c"]), true)
        );
        assert_eq!(described.changed(&DescriptionChange { owner: Some("".into()), ..change() }).unwrap().owner, None);
    }

    #[test]
    fn more_tags_than_a_list_can_show_are_refused() {
        let many = (0..=TAGS_MAX).map(|tag| CompactString::from(format!("t{tag:02}"))).collect();
        assert!(Description::default().changed(&DescriptionChange { tags: Some(many), ..change() }).is_err());
    }
}
