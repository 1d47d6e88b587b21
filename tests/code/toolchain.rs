//! What a release is built of: one compiler, which is what its image is built with and the least that Cargo takes; advisories that are known.

use std::collections::BTreeSet;
use std::fs;

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between `before` and the next of `end`.
fn after<'t>(text: &'t str, before: &str, end: char) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before:?} is not there"));
    rest.split(end).next().unwrap_or_default()
}

#[test]
fn the_pinned_compiler_is_that_of_the_image_and_the_oldest_that_cargo_takes() {
    let (pinned, image, cargo) = (read("ops/rust-toolchain.toml"), read("ops/Dockerfile"), read("Cargo.toml"));
    let pinned = after(&pinned, "channel = \"", '"');
    let (image, oldest) = (after(&image, "FROM rust:", '-'), after(&cargo, "rust-version = \"", '"'));
    assert!(pinned.starts_with(&format!("{image}.")) && image == oldest, "pinned {pinned}, image {image}, oldest {oldest}");
}

/// The identifiers of advisories that a text names.
fn advisories(text: &str) -> BTreeSet<&str> {
    text.match_indices("RUSTSEC-").filter_map(|(at, _)| text.get(at..at + "RUSTSEC-2025-0057".len())).collect()
}

#[test]
fn what_the_build_accepts_of_known_advisories_is_what_the_dated_list_explains() {
    let (accepted, explained) = (read("deny.toml"), read("ops/advisories.md"));
    assert_eq!(advisories(&accepted), advisories(&explained));
    assert!(!advisories(&accepted).is_empty());
}
