//! The walls of the house: which room may use which, which crate belongs to whom, and what the core does without. Read from the
//! source; ARCHITECTURE.md says why. A wall moves here, in the open, with its reason beside it.

use crate::source;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::source::{File, read, rooms_named, seen_in};

/// A room, the rooms it may `use`, and nothing else of this crate. `main` and `lib` only name rooms.
const ROOMS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("ids", &[]),
    ("event", &["ids", "time"]),
    ("stats", &[]),
    ("monitor", &["event", "ids", "stats", "time"]),
    // a model's figures are made of `event::Kind` and `stats::Estimate` already
    ("view", &["event", "ids", "monitor", "stats", "time"]),
    ("clock", &["time"]),
    ("failpoint", &[]),
    // what a service is checked by is read where it is checked
    ("config", &["event", "ids", "machine"]),
    // a panic over a damaged file or store is no fault of the program
    ("telemetry", &["config", "event", "files", "store"]),
    ("run_file", &[]),
    ("memory", &[]),
    // trained models in files: what one says is asked elsewhere
    ("artifacts", &[]),
    ("store", &["event", "failpoint", "monitor", "time"]),
    // tables in files and messages: what a value means is said by whoever reads; of a message the decoder gets its columns
    ("files", &["event", "stats", "time"]),
    // learners and what they are graded by: `event` and `view` bring the records and figures of `evaluate`, `ids` and `time` what a record has to
    // name, `monitor` the order of classes
    ("train", &["event", "files", "ids", "monitor", "stats", "time", "view"]),
    // hosts and processes: what a figure is used for is said by whoever reads
    ("machine", &[]),
    // what producers of ours send, now or later
    ("post", &["event", "ids", "machine", "nats", "telemetry"]),
    ("nats", &["config", "event", "ids", "telemetry", "time"]),
    ("processor", &["clock", "event", "failpoint", "monitor", "nats", "store", "telemetry", "time", "view"]),
    ("ticker", &["event", "ids", "nats", "telemetry"]),
    // trainers are measured and fed with what the log holds, and the models that they make are asked about labels that come in
    (
        "effects",
        &[
            "artifacts",
            "clock",
            "event",
            "failpoint",
            "files",
            "ids",
            "machine",
            "monitor",
            "nats",
            "store",
            "telemetry",
            "time",
            "train",
            "view",
        ],
    ),
    // rows in files: what a row means is said by nobody here
    ("snapshot", &["failpoint", "store", "time"]),
    // a policy of retraining names learners and their parameters, and models that are served here answer here
    (
        "http",
        &[
            "artifacts",
            "clock",
            "event",
            "files",
            "ids",
            // scopes of jobs measure a process of this host
            "machine",
            "monitor",
            "nats",
            "snapshot",
            "stats",
            "store",
            "telemetry",
            "time",
            "train",
            "view",
        ],
    ),
    ("agent", &["clock", "event", "ids", "machine", "post", "telemetry", "time"]),
    ("demo", &["clock", "config", "event", "ids", "time"]),
    (
        "server",
        &[
            "agent",
            "artifacts",
            "clock",
            "config",
            "demo",
            "effects",
            "event",
            "failpoint",
            // messages that are tables
            "files",
            "http",
            "ids",
            "machine",
            "memory",
            "nats",
            "post",
            "processor",
            "run_file",
            "snapshot",
            "store",
            "telemetry",
            "ticker",
            "time",
            "view",
        ],
    ),
    // `detect`, `drift`, `evaluate` and `train` hand files to the figures that the stream is read by
    (
        "cli",
        &[
            "clock",
            "config",
            "demo",
            "event",
            "failpoint",
            "files",
            "ids",
            // `run` measures a command
            "machine",
            // secrets are wiped from the environment before there is a second thread
            "memory",
            "nats",
            "post",
            "run_file",
            "server",
            // lists and checks them without a process
            "snapshot",
            "stats",
            "telemetry",
            "time",
            "train",
            "view",
        ],
    ),
];

/// Plain functions over plain data.
const CORE: &[&str] = &["time", "ids", "event", "stats", "monitor", "view"];

/// Crates that only some rooms know; everyone else goes through those.
const OWNED: &[(&str, &[&str])] = &[
    ("sled", &["store"]),
    ("crossbeam_epoch", &["store"]),
    // the simulator is a client like any other; `http` reads the headers of one stored message
    ("async_nats", &["nats", "demo", "http"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("tower", &["http"]),
    ("tower_http", &["http"]),
    ("sysinfo", &["machine"]),
    ("nvml_wrapper", &["machine"]),
    ("nix", &["machine"]),
    ("clap", &["cli"]),
    ("reqwest", &["cli"]),
    ("anyhow", &["cli", "main"]),
    ("arrow_array", &["files"]),
    ("arrow_ipc", &["files"]),
    ("arrow_schema", &["files"]),
    ("arrow_select", &["files"]),
    ("parquet", &["files"]),
    ("flate2", &["files"]),
    ("zstd", &["files", "snapshot", "train"]),
    ("rayon", &["train"]),
    ("linfa", &["train"]),
    ("ndarray", &["train"]),
    ("prost", &["train"]),
    ("tempfile", &["files"]),
    ("indicatif", &["cli"]),
    ("statrs", &["stats"]),
    ("fail", &["failpoint", "store"]),
    ("getrandom", &["http"]),
    ("libc", &["memory"]),
    ("tikv_jemallocator", &["memory"]),
    ("rand_xoshiro", &["demo"]),
    ("tracing_subscriber", &["config", "telemetry"]),
    // figures name their own OpenAPI schemas: derived data, no behaviour
    ("utoipa", &["http", "snapshot", "stats", "view"]),
];

/// The crates the core may have: data structures, encodings, hashes, special functions. None of them does anything.
const CORE_CRATES: &[&str] = &[
    "compact_str",
    // which names look the same: tables and a function over them
    "icu_normalizer",
    "imbl",
    "jiff",
    "rapidhash",
    "rmp_serde",
    "serde",
    "serde_json",
    "statrs",
    "thiserror",
    "utoipa",
    "xxhash_rust",
];

/// Where a `HashMap` stands in the core, and why that is no hole: both look up a number by a name and are never walked through.
const LOOKUP_TABLES: &[&str] = &["src/core/monitor/model.rs", "src/core/monitor/source.rs"];

/// The longest file in lines.
const LINES_MAX: usize = 500;

/// Files beyond [`LINES_MAX`], how long they may be, and why.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// Collects what is wrong, so that one run tells all of it.
#[derive(Default)]
struct Faults {
    text: String,
}

impl Faults {
    fn add(&mut self, file: &File, line: usize, what: &str) {
        writeln!(self.text, "  {}:{line}: {what}", file.path).expect("writing to a String cannot fail");
    }

    fn none(self, remedy: &str) {
        assert!(self.text.is_empty(), "\n{}-> {remedy}\n", self.text);
    }
}

fn row<'a>(table: &'a [(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(key, _)| *key == name).map(|(_, row)| *row)
}

#[test]
fn a_room_uses_only_the_rooms_it_may() {
    let mut faults = Faults::default();
    for file in read() {
        let Some(allowed) = row(ROOMS, &file.room) else {
            if !matches!(file.room.as_str(), "lib" | "main") {
                faults.add(&file, 1, &format!("the room `{}` is not in the table", file.room));
            }
            continue;
        };
        for (line, used) in rooms_named(&file) {
            if used != file.room && !allowed.contains(&used.as_str()) {
                faults.add(&file, line, &format!("`{}` uses `{used}`", file.room));
            }
        }
    }
    faults.none("data falls one way: hand the value in from the caller, or move a row of ROOMS and say why in ARCHITECTURE.md");
}

#[test]
fn every_row_is_a_room_and_only_the_server_wires_the_outermost() {
    let files = read();
    let rooms: BTreeSet<&str> = files.iter().map(|file| file.room.as_str()).collect();
    let stale: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).filter(|room| !rooms.contains(room)).collect();
    assert!(stale.is_empty(), "no such room any more: {stale:?} -> take the row out of ROOMS");
    let core_uses_shell: Vec<_> = CORE
        .iter()
        .flat_map(|room| row(ROOMS, room).expect("the core is in the table").iter().map(move |used| (room, used)))
        .filter(|(_, used)| !CORE.contains(used))
        .collect();
    assert!(core_uses_shell.is_empty(), "the core uses the shell: {core_uses_shell:?}");
    for outermost in ["effects", "http", "agent", "cli"] {
        let users: Vec<&str> = ROOMS.iter().filter(|(_, uses)| uses.contains(&outermost)).map(|(room, _)| *room).collect();
        assert!(users.iter().all(|user| *user == "server"), "{outermost} is used by {users:?}; only `server` wires it up");
    }
}

#[test]
fn a_crate_is_known_to_its_rooms_only() {
    let mut faults = Faults::default();
    for file in read() {
        for (name, owners) in OWNED {
            if owners.contains(&file.room.as_str()) {
                continue;
            }
            for line in seen_in(&file.code, &[&format!("{name}::"), &format!("use {name}")]) {
                faults.add(&file, line, &format!("`{}` knows `{name}`, which is of {owners:?}", file.room));
            }
        }
    }
    faults.none("ask the room that owns the crate, or move a row of OWNED and say why");
}

#[test]
fn the_core_only_computes() {
    const FORBIDDEN: &[(&str, &str)] = &[
        ("async", "nothing in the core waits"),
        ("await", "nothing in the core waits"),
        ("std::time", "the core's time comes with the events"),
        ("now()", "the core's time comes with the events"),
        ("std::fs", "the core has no files"),
        ("std::io", "the core has no files"),
        ("std::net", "the core has no network"),
        ("std::env", "what changes the core's behaviour is an event"),
        ("std::thread", "the core is one plain function"),
        ("thread_local", "the core's state is in `State`"),
        ("static mut", "the core's state is in `State`"),
        ("Mutex", "the core's state is in `State`"),
        ("Atomic", "the core's state is in `State`"),
        ("OnceLock", "the core's state is in `State`"),
        ("LazyLock", "the core's state is in `State`"),
        ("rand", "the core throws no dice"),
        ("println", "the core does not log: it returns effects and counts"),
        ("eprintln", "the core does not log: it returns effects and counts"),
    ];
    let mut faults = Faults::default();
    for file in read().iter().filter(|file| CORE.contains(&file.room.as_str())) {
        for (word, why) in FORBIDDEN {
            for line in seen_in(&file.code, &[word]) {
                faults.add(file, line, &format!("`{word}` in the core: {why}"));
            }
        }
    }
    faults.none("do it in the shell and hand the core the result: as an event if it changes the state, as an argument if not");
}

#[test]
fn the_core_has_only_crates_that_do_nothing() {
    let others: Vec<String> =
        source::dependencies("src/core/Cargo.toml").into_iter().filter(|name| !CORE_CRATES.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?} -> do it in the shell, or move a row of CORE_CRATES and say why in ARCHITECTURE.md");
}

#[test]
fn no_order_of_a_hash_map_reaches_the_core() {
    let mut faults = Faults::default();
    for file in read().iter().filter(|file| CORE.contains(&file.room.as_str())) {
        let is_lookup_table = LOOKUP_TABLES.contains(&file.path.as_str());
        for line in seen_in(&file.code, &["HashMap", "HashSet"]) {
            if !is_lookup_table {
                faults.add(file, line, "a hashed collection in the core");
            }
        }
        if is_lookup_table {
            let walks: &[&str] =
                &["by_name.iter", "by_name.keys", "by_name.values", "by_name.drain", "in &self.by_name", "in self.by_name"];
            for line in seen_in(&file.code, walks) {
                faults.add(file, line, "the lookup table is walked through");
            }
        }
    }
    faults.none("take a `BTreeMap`, a sorted `Vec` or `imbl::OrdMap`: the same log must give the same bytes");
}

#[test]
fn only_the_clock_reads_the_wall_clock() {
    let mut faults = Faults::default();
    for file in read().iter().filter(|file| file.room != "clock") {
        for line in seen_in(&file.code, &["SystemTime", "UNIX_EPOCH", "Timestamp::now", "Zoned::now", "jiff::tz"]) {
            faults.add(file, line, "reads the wall clock");
        }
    }
    faults.none("call `clock::now`; `Instant`s for timeouts and rates are fine outside the core");
}

#[test]
fn unsafe_is_where_it_is_known() {
    let mut faults = Faults::default();
    // the allocator; and one call that a safe crate has as unsafe, see the proof beside it
    let known = |file: &&File| file.room == "memory" || file.path == "src/machine/command.rs";
    for file in read().iter().filter(|file| !known(file)) {
        for line in
            seen_in(&file.code, &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe(", "allow(unsafe_code)"])
        {
            faults.add(file, line, "unsafe code");
        }
    }
    faults.none("do without, or find a crate that is safe to call");
}

#[test]
fn nothing_reads_the_facts_back() {
    let mut faults = Faults::default();
    let connected = ["nats", "demo", "effects", "server", "processor", "ticker", "agent", "http"];
    for file in read().iter().filter(|file| connected.contains(&file.room.as_str())) {
        if !file.path.starts_with("src/nats/ingest") {
            for line in seen_in(
                &file.code,
                &["create_consumer", "get_consumer", "create_consumer_on_stream", "queue_subscribe", "client.subscribe"],
            ) {
                faults.add(file, line, "reads from NATS beside `nats/ingest.rs`");
            }
        }
        for line in seen_in(&file.code_and_strings, &["out.>", ".out."]) {
            faults.add(file, line, "names the subjects of the facts beside `event/subject.rs`");
        }
    }
    let ingest: Vec<_> = read().into_iter().filter(|file| file.path.starts_with("src/nats/ingest")).collect();
    assert!(!ingest.is_empty(), "the one reader of the log");
    for file in &ingest {
        for line in seen_in(&file.code, &["Role::Facts", "Role::Jobs"]) {
            faults.add(file, line, "the input is the only stream that is read");
        }
    }
    faults.none("what the core should know comes in through the input stream; facts are an outlet");
}

#[test]
fn http_sees_views_committed_rows_and_the_door() {
    let mut faults = Faults::default();
    for file in read().iter().filter(|file| file.room == "http") {
        for line in
            seen_in(&file.code, &["processor", "Projection", "store::Store", "ColdStore", "Syncer", "Pending", "Commit"])
        {
            faults.add(file, line, "reaches for the write side");
        }
        for (line, names) in source::names_under(file, "store") {
            if names == "Store" {
                faults.add(file, line, "reaches for the write side");
            }
        }
    }
    faults.none("read a `View` or a `store::Reader`; to change something publish through `nats::Door` and answer 202");
}

#[test]
fn the_dispatcher_stays_small_and_a_file_is_about_one_thing() {
    let mut faults = Faults::default();
    for file in read() {
        let lines = file.text.lines().count();
        if file.path == "src/core/monitor/mod.rs" && 200 <= lines {
            faults.add(&file, lines, "`monitor/mod.rs` is `State` and `apply` and nothing else, under 200 lines");
        }
        let excepted = LONG_FILES.iter().find(|(path, _, _)| *path == file.path);
        let most = excepted.map_or(LINES_MAX, |(_, most, _)| *most);
        if most < lines {
            faults.add(&file, lines, &format!("more than {most} lines"));
        }
        if let Some((_, _, why)) = excepted
            && lines <= LINES_MAX
        {
            faults.add(&file, lines, &format!("is short again; take it out of LONG_FILES (\"{why}\")"));
        }
    }
    faults.none("split it where there are two subjects; a file that is one must be named in LONG_FILES with its reason");
}

#[test]
fn every_module_says_what_it_knows() {
    let mut faults = Faults::default();
    for file in read() {
        if !file.text.starts_with("//! ") {
            faults.add(&file, 1, "has no `//!` line");
        }
    }
    faults.none("begin the file with what the module knows and what it deliberately does not");
}

#[test]
fn every_file_of_tests_is_part_of_a_binary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    source::collect(&root.join("tests"), &mut files);
    let unnamed = files.iter().filter(|file| {
        let (folder, name) =
            (file.parent().expect("a file has a folder"), file.file_stem().expect("and a name").to_string_lossy());
        let is_root = folder == root.join("tests") || matches!(&*name, "main" | "mod") || folder.ends_with("support");
        let names = |parent: &str| {
            std::fs::read_to_string(folder.join(parent)).is_ok_and(|text| text.contains(&format!("mod {name};")))
        };
        !is_root && !names("main.rs") && !names("mod.rs")
    });
    let unnamed: Vec<_> = unnamed.collect();
    assert!(unnamed.is_empty(), "{unnamed:?} are never compiled -> name them in `main.rs` or `mod.rs` beside them");
}

#[test]
fn the_scan_reads_code_and_not_comments_strings_or_tests() {
    let text = "\
//! crate::nats in a comment
use crate::event::{Event, wire};
use crate::{ids::Name, time::{Span, Timestamp}};
const TEXT: &str = \"crate::http // no comment\"; // crate::http
const RAW: &str = r#\"crate::cli \"quoted\" \"#;
const QUOTE: char = '\"'; fn life<'a>(x: &'a str) {} /* crate::demo
crate::demo */ fn f() { crate::stats::psi() }
#[cfg(test)]
mod tests {
    use crate::store::Store;
}
fn after() { crate::view::View::of() }
";
    let file = File::of("src/some/room.rs", text);
    let named: Vec<(usize, String)> = rooms_named(&file);
    let named: Vec<(usize, &str)> = named.iter().map(|(line, room)| (*line, room.as_str())).collect();
    assert_eq!(named, [(2, "event"), (3, "ids"), (3, "time"), (7, "stats"), (12, "view")]);
    assert_eq!(file.room, "some");
    assert_eq!(seen_in(&file.code, &["store"]), [0_usize; 0]);
    assert_eq!(seen_in("let brand = rand();\nrandom", &["rand"]), [1]);
    assert_eq!(source::names_under(&File::of("src/a.rs", "use crate::store::{self, Store};"), "store").len(), 2);
}
