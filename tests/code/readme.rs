//! The README says the same in both languages, as far as a program can tell.

use std::fs;
use std::path::Path;

fn readme(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// How deep each heading is.
fn headings(text: &str) -> Vec<usize> {
    text.lines().map(|line| line.bytes().take_while(|byte| *byte == b'#').count()).filter(|depth| *depth != 0).collect()
}

/// What is to be typed, without the words beside it; the picture above the first section and places to fill in differ.
fn commands(text: &str) -> Vec<&str> {
    let (_, sections) = text.split_once("\n## ").unwrap();
    let blocks = sections.lines().filter_map(|line| line.strip_prefix("    "));
    let typed = blocks.map(|line| line.trim().split("  ").next().unwrap_or_default());
    typed.filter(|line| line.is_ascii() && !line.contains('<')).collect()
}

/// Links, and names in backticks that are the same in every language.
fn links(text: &str) -> Vec<&str> {
    let mut links: Vec<&str> =
        text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.starts_with("README")).collect();
    links.sort_unstable();
    links.dedup();
    links
}

#[test]
fn both_languages_have_the_same_sections_commands_and_links() {
    let (english, korean) = (readme("README.md"), readme("README.ko.md"));
    assert_eq!(headings(&korean), headings(&english));
    assert_eq!(commands(&korean), commands(&english));
    assert_eq!(links(&korean), links(&english));
    assert!(30 < commands(&english).len(), "the commands are found");
}
