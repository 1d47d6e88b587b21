//! Names that a person takes for one and that are two: they differ only in case, in blanks or in their Unicode form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Groups that are shown.
const SHOWN_MAX: usize = 3;

/// What to say of `names` that are alike, if some are.
pub fn alike<'n>(names: impl Iterator<Item = &'n str>) -> Option<String> {
    let groups = groups(names);
    let quoted = |name: &String| if name.contains("\\u{") { format!("\"{name}\"") } else { format!("{name:?}") };
    let shown = groups.iter().take(SHOWN_MAX).map(|group| group.iter().map(quoted).collect::<Vec<_>>().join(" and "));
    let shown = shown.collect::<Vec<_>>().join("; ");
    let more = groups.len().saturating_sub(SHOWN_MAX);
    let more = if more == 0 { String::new() } else { format!("; and {more} groups more") };
    (!groups.is_empty())
        .then(|| format!("{shown}{more}: they differ only in case, blanks or Unicode form and count as different"))
}

/// Those of `names` that are alike, by group. Names that look the same show their code points beyond ASCII, as `caf\u{e9}`.
pub fn groups<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        groups.entry(folded(name)).or_default().push(name);
    }
    groups.into_values().filter(|group| 1 < group.len()).map(|group| told_apart(&group)).collect()
}

/// Compatibility decomposition, composed again, in lower case, without blanks around and with one where there were several (Unicode Standard
/// Annex 15).
fn folded(name: &str) -> String {
    let lower = normal(&normal(name).to_lowercase()).into_owned();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn normal(name: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(name)
}

/// The names of a group, so that a person can tell them apart.
fn told_apart(group: &[&str]) -> Vec<String> {
    let only_form = group.iter().all(|name| normal(name) == normal(group[0]));
    group.iter().map(|name| if only_form { spelt_out(name) } else { (*name).to_owned() }).collect()
}

/// The text with every character beyond ASCII as `\u{…}`.
fn spelt_out(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_told() {
        let told = |names: &[&str]| alike(names.iter().copied());
        assert_eq!(told(&["fraud", "ok", "fräud"]), None);
        assert!(told(&["Fraud", "ok", "fraud"]).unwrap().starts_with("\"Fraud\" and \"fraud\": they differ only in case"));
        let composed = told(&["caf\u{e9}", "cafe\u{301}"]).unwrap();
        assert!(composed.starts_with("\"caf\\u{e9}\" and \"cafe\\u{301}\""), "{composed}");
        assert!(told(&["가", "\u{1100}\u{1161}"]).is_some(), "a syllable and its letters");
    }
}
