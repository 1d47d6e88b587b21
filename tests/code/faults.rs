//! The faults that `tests/faults/main.rs` names, and the tests that cause them.

use std::path::Path;

use crate::source;

#[test]
fn every_test_that_is_said_to_cause_a_fault_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    ["src", "tests"].iter().for_each(|folder| source::collect(&root.join(folder), &mut files));
    let code: String =
        files.iter().map(|file| std::fs::read_to_string(file).expect("a source file is readable text")).collect();
    let told = std::fs::read_to_string(root.join("tests/faults/main.rs")).expect("it is there");
    let named: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("//! - `")?.strip_suffix('`')).collect();
    assert!(50 < named.len(), "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no test is called {missing:?}");
}
