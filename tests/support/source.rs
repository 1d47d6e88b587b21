//! Our own source as text: comments, strings and unit tests blanked out, every line still in its place.

use std::path::{Path, PathBuf};

/// The folders of crates that are one room each: what they name after `crate::` is their own.
const CRATES_OF_ONE_ROOM: [&str; 3] = ["src/files/", "src/machine/", "src/train/"];

/// One file under `src/`.
pub struct File {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// `monitor` for `src/core/monitor/model.rs`, `config` for `src/config.rs`.
    pub room: String,
    pub text: String,
    /// Without comments, strings and what is compiled for unit tests only.
    pub code: String,
    /// As `code`, with strings.
    pub code_and_strings: String,
}

impl File {
    pub fn of(path: &str, text: &str) -> Self {
        let room = below_the_crate(path).split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        let code = blank(text, true);
        let tests = test_items(&code);
        let code_and_strings = without(&blank(text, false), &tests);
        Self { path: path.to_owned(), room, text: text.to_owned(), code: without(&code, &tests), code_and_strings }
    }
}

/// Every Rust file of the product, in the order of paths; those called `tests.rs` are unit tests and left out.
pub fn read() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    paths.sort();
    let file = |path: &PathBuf| {
        let relative = path.strip_prefix(root).expect("it was found below the root").to_string_lossy().replace('\\', "/");
        File::of(&relative, &std::fs::read_to_string(path).expect("a source file is readable text"))
    };
    paths.iter().map(file).collect()
}

/// Every Rust file below a folder, but for `node_modules` and unit tests called `tests.rs`.
pub fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the source is readable") {
        let path = entry.expect("a folder of the source is readable").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "node_modules") {
                collect(&path, paths);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && path.file_name().is_none_or(|name| name != "tests.rs") {
            paths.push(path);
        }
    }
}

/// A path without the folder of its crate.
fn below_the_crate(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.strip_prefix("core/").unwrap_or(below)
}

/// The crates of `[dependencies]` of a manifest as code names them.
pub fn dependencies(manifest: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).expect("we have a manifest");
    let manifest: toml::Table = manifest.parse().expect("it is TOML");
    manifest["dependencies"].as_table().expect("a table").keys().map(|name| name.replace('-', "_")).collect()
}

/// The lines, from 1, in which one of `words` stands as a word of its own.
pub fn seen_in(code: &str, words: &[&str]) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let free =
                |edge: Option<char>, neighbour: Option<char>| !(edge.is_some_and(is_word) && neighbour.is_some_and(is_word));
            free(word.chars().next(), before) && free(word.chars().next_back(), after)
        })
    };
    let lines = code.lines().zip(1..).filter(|(line, _)| words.iter().any(|word| stands(line, word)));
    lines.map(|(_, number)| number).collect()
}

/// The rooms that a file names after `crate::` (in the root of a room also after `super::`), with the line of each.
pub fn rooms_named(file: &File) -> Vec<(usize, String)> {
    let mut named = names_after(&file.code, "tidewatch_core::");
    let of_files = seen_in(&file.code, &["tidewatch_files::"]);
    named.extend(of_files.into_iter().map(|line| (line, "files".to_owned())));
    if CRATES_OF_ONE_ROOM.iter().any(|folder| file.path.starts_with(folder)) {
        return named;
    }
    named.extend(names_after(&file.code, "crate::"));
    let below = below_the_crate(&file.path);
    if !below.contains('/') || below == format!("{}/mod.rs", file.room) {
        named.extend(names_after(&file.code, "super::"));
    }
    named
}

/// What a file names below a room, such as `Reader` of `crate::store::{self, Reader}` or of `store::Reader`, with the line of each.
pub fn names_under(file: &File, room: &str) -> Vec<(usize, String)> {
    names_after(&file.code, &format!("{room}::"))
}

/// The first segments of the paths that follow `prefix`, one level of braces opened.
fn names_after(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let line = 1 + code[..at].matches('\n').count();
        let free = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let rest = &code[at + prefix.len()..];
        if !free {
            continue;
        }
        match rest.strip_prefix('{') {
            None => named.push((line, word(rest))),
            Some(group) => named.extend(of_group(group).map(|name| (line, name))),
        }
    }
    named
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first word of each entry of a brace group that was just opened.
fn of_group(group: &str) -> impl Iterator<Item = String> {
    let mut depth = 0;
    let mut entries = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                entries.push(String::new());
                continue;
            }
            _ => {}
        }
        entries.last_mut().expect("there is always one").push(c);
    }
    entries.into_iter().map(|entry| word(entry.trim())).filter(|name| !name.is_empty())
}

/// Blanks comments, and strings if asked to, byte for byte, so that lines and columns stay.
fn blank(text: &str, strings: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (len, hide) = match rest {
            [b'/', b'/', ..] => (line_len(rest), true),
            [b'/', b'*', ..] => (block_comment_len(rest), true),
            [b'"', ..] => (string_len(rest), strings),
            [b'r', b'"' | b'#', ..] if !is_in_word(bytes, at) => (raw_string_len(rest).unwrap_or(1), strings),
            [b'\'', ..] => (char_len(rest).unwrap_or(1), strings),
            _ => (1, false),
        };
        let len = len.min(rest.len());
        if hide && 1 < len {
            out[at..at + len].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        at += len;
    }
    String::from_utf8(out).expect("whole characters were blanked")
}

/// Whether the byte at `at` goes on with a name; `b` before `r"…"` is a prefix and no name.
fn is_in_word(bytes: &[u8], at: usize) -> bool {
    let before =
        |back: usize| at.checked_sub(back).map(|at| bytes[at]).filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    before(1).is_some_and(|byte| byte != b'b' || before(2).is_some())
}

fn line_len(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn block_comment_len(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_len(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string_len(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = &rest[2 + hashes..];
    let at = body.windows(end.len()).position(|window| window == end.as_bytes())?;
    Some(2 + hashes + at + end.len())
}

/// The length of a character literal; `None` for the tick of a lifetime.
fn char_len(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        let close = rest[3..].iter().position(|byte| *byte == b'\'')?;
        return Some(3 + close + 1);
    }
    let first = std::str::from_utf8(&rest[1..rest.len().min(5)]).map_or_else(
        |error| std::str::from_utf8(&rest[1..1 + error.valid_up_to()]).ok().and_then(|text| text.chars().next()),
        |text| text.chars().next(),
    )?;
    let close = 1 + first.len_utf8();
    (rest.get(close) == Some(&b'\'')).then_some(close + 1)
}

/// Where the items under `#[cfg(test)]` stand. `code` has no strings or comments, so braces match.
fn test_items(code: &str) -> Vec<std::ops::Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let mut items = Vec::new();
    for (start, _) in code.match_indices(MARK) {
        let body = start + MARK.len();
        let Some(opens) = code[body..].find(['{', ';']).map(|at| body + at) else { continue };
        let end = if code[opens..].starts_with(';') { opens + 1 } else { opens + braces_len(&code[opens..]) };
        items.push(start..end);
    }
    items
}

fn braces_len(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn without(code: &str, items: &[std::ops::Range<usize>]) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for item in items {
        bytes[item.clone()].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    String::from_utf8(bytes).expect("whole items were blanked")
}
