//! `tidewatch run`: the command, the terminal and whoever started it notice nothing, and what it costs is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nobody listens there, so that reports wait in the spool.
const NOWHERE: &str = "nats://127.0.0.1:9";

const EIGHT: [&str; 8] = [
    "cpu_percent_avg",
    "cpu_percent_max",
    "gpu_percent",
    "gpu_vram_mb_current",
    "gpu_vram_mb_peak",
    "processing_time_sec",
    "ram_mb_avg",
    "ram_mb_peak",
];

/// Counts to a number, and tells the time of the shell and of the children it has waited for.
const COUNT: &str = "count() { i=0; while [ $i -lt $1 ]; do i=$((i + 1)); done; }";

fn run(spool: &Path, flags: &[&str], command: &[&str]) -> Output {
    prepared(spool, flags, command).output().unwrap()
}

fn prepared(spool: &Path, flags: &[&str], command: &[&str]) -> Command {
    // a test that runs in the background is started with signals ignored, and so would be what it starts
    let mut tidewatch = Command::new("env");
    tidewatch.args(["--default-signal", env!("CARGO_BIN_EXE_tidewatch")]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIDEWATCH_")) {
        tidewatch.env_remove(name);
    }
    tidewatch.args(["run", "--json", "--nats-url", NOWHERE, "--spool"]).arg(spool).args(flags);
    if !command.is_empty() {
        tidewatch.arg("--").args(command);
    }
    tidewatch
}

/// The line that `--json` asks for: the last that begins like one.
fn told(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().rev().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{output:?}"));
    serde_json::from_str(line).unwrap()
}

/// The reports in a spool, oldest first.
fn spooled(spool: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(spool).unwrap().flatten().map(|file| file.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "spool"));
    files.sort();
    let bytes: Vec<u8> = files.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    let text = String::from_utf8_lossy(&bytes);
    let bodies = text.match_indices("{\"").filter_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        values.next()?.ok().filter(|value| value["job_id"].is_string())
    });
    bodies.collect()
}

fn near(seen: f64, wanted: f64, slack: f64) -> bool {
    (seen - wanted).abs() <= 0.05 * wanted + slack
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    let spool = tempfile::tempdir().unwrap();
    for (command, code) in [
        (&["true"][..], 0),
        (&["false"], 1),
        (&["sh", "-c", "exit 77"], 77),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -TERM $$; sleep 5"], 143),
        (&["bash", "-c", "kill -35 $$; sleep 5"], 163),
        (&["/no/such/command"], 127),
        (&["no-such-command"], 127),
        (&["/etc"], 126),
        (&["/etc/passwd"], 126),
    ] {
        let output = run(spool.path(), &[], command);
        assert_eq!(output.status.code(), Some(code), "{command:?}: {output:?}");
        assert_eq!(told(&output)["exit_code"], code, "{command:?}");
    }
    let reports = spooled(spool.path());
    let states: Vec<&str> = reports.iter().map(|report| report["state"].as_str().unwrap()).collect();
    assert_eq!(states.chunks(2).map(|pair| pair[0]).filter(|state| *state == "START").count(), 10, "{states:?}");
    assert_eq!(states.chunks(2).map(|pair| pair[1]).collect::<Vec<_>>()[..3], ["COMPLETE", "FAIL", "FAIL"]);
    let failed = reports.last().unwrap();
    assert!(failed["error"].as_str().unwrap().contains("/etc/passwd"), "{failed}");
    assert!(EIGHT.iter().all(|name| failed[name].is_number()), "{failed}");
}

#[test]
fn a_script_without_a_first_line_is_run_by_the_shell() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::write(&script, "echo \"$0 $1\"; exit 3\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let output = run(directory.path(), &[], &[script.to_str().unwrap(), "a"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{} a\n", script.display()));
}

#[test]
fn the_command_has_the_descriptors_the_mask_and_the_limits_of_its_caller() {
    let spool = tempfile::tempdir().unwrap();
    // read by the shell itself, since one that is making a child blocks everything for a moment; the two signals beyond the 32nd are the C library's own
    let show = "while read -r name mask; do case $name in SigBlk:|SigIgn:) echo $name $((0x${mask#????????} & 0x7fffffff));; esac; done \
                </proc/$$/status; ulimit -c; ls /proc/$$/fd; cat";
    let direct =
        || Command::new("env").args(["--default-signal", "sh", "-c", show]).stdin(Stdio::null()).output().unwrap().stdout;
    let measured = prepared(spool.path(), &[], &["sh", "-c", show]).stdin(Stdio::null()).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&measured), String::from_utf8_lossy(&direct()));
    let mut piped = prepared(spool.path(), &[], &["cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"through").unwrap();
    assert_eq!(piped.wait_with_output().unwrap().stdout, b"through");
}

#[test]
fn figures_are_those_of_known_loads() {
    let directory = tempfile::tempdir().unwrap();
    let result = directory.path().join("out.txt");
    // the shell's own account, of itself and of the children it has waited for, is the truth
    let load = format!("{COUNT}; count 400000; sh -c '{COUNT}; count 200000'; times >{}", result.display());
    let output = run(directory.path(), &["--job", "한글/\"1\"", "--result", result.to_str().unwrap()], &["dash", "-c", &load]);
    let told = told(&output);
    let seconds: f64 = std::fs::read_to_string(&result)
        .unwrap()
        .split_whitespace()
        .map(|time| {
            let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
            minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
        })
        .sum();
    assert!(near(told["cpu_seconds"].as_f64().unwrap(), seconds, 0.03), "{told} {seconds}");
    let (average, elapsed) = (told["cpu_percent_avg"].as_f64().unwrap(), told["processing_time_sec"].as_f64().unwrap());
    assert!(near(average * elapsed / 100.0, seconds, 0.03), "{told} {seconds}");
    let file = directory.path().join("한글=2F\"1\".performance.json");
    let figures: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let names: Vec<&str> = figures.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, EIGHT);
    let last = spooled(directory.path()).pop().unwrap();
    assert_eq!((&last["job_id"], &last["state"]), (&"한글/\"1\"".into(), &"COMPLETE".into()));
    assert!(last["result"].as_str().unwrap().contains('m'), "a small result is reported: {last}");
}

#[test]
fn children_that_lived_for_milliseconds_count_also_when_their_parents_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    // each leaves its parent at once, and tells its time at its end
    let load = format!(
        "for n in 1 2 3 4 5 6 7 8 9 10; do for m in 1 2 3 4; do ( dash -c '{COUNT}; count 12000; times >>{out}' & ) ; done; sleep 0.1; done; \
         while [ $(wc -l <{out}) -lt 80 ]; do sleep 0.05; done; sleep 0.1",
        out = directory.path().join("times").display()
    );
    let output = run(directory.path(), &[], &["dash", "-c", &load]);
    let told = told(&output);
    let times = std::fs::read_to_string(directory.path().join("times")).unwrap();
    assert_eq!(times.lines().count(), 80, "each has told its end");
    let children: f64 = times
        .split_whitespace()
        .map(|time| time.trim_end_matches('s').split_once('m').unwrap().1.parse::<f64>().unwrap())
        .sum();
    let seen = told["cpu_seconds"].as_f64().unwrap();
    // beside them there are the shell, `wc` and the making of each, which cost some milliseconds
    assert!(children <= seen * 1.05 + 0.05 && seen < children + 2.0, "{told} {children}");
    assert_eq!(told["left_running"], 0);
}

#[test]
fn two_hundred_children_of_milliseconds_add_up() {
    let spool = tempfile::tempdir().unwrap();
    // what the shell has waited for is its own account
    let load = format!("{COUNT}; n=0; while [ $n -lt 200 ]; do dash -c '{COUNT}; count 9000'; n=$((n + 1)); done; times");
    let output = run(spool.path(), &[], &["dash", "-c", &load]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds: f64 =
        text.split_whitespace().map(|time| time.trim_end_matches('s').split_once('m').unwrap().1.parse::<f64>().unwrap()).sum();
    let told = told(&output);
    assert!(0.2 < seconds && near(told["cpu_seconds"].as_f64().unwrap(), seconds, 0.03), "{told} {text}");
}

#[test]
fn memory_that_was_touched_is_the_peak() {
    let spool = tempfile::tempdir().unwrap();
    // the variable holds so many bytes, and the shell says what its resident set has been
    let load = "x=$(head -c 120000000 /dev/zero | tr '\\0' x); sleep 0.7; grep VmHWM /proc/$$/status; :";
    let output = run(spool.path(), &[], &["bash", "-c", load]);
    let told = told(&output);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kilobytes: f64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(near(told["ram_mb_peak"].as_f64().unwrap(), kilobytes / 1_024.0, 2.0), "{told} {text}");
    assert!(told["ram_mb_avg"].as_f64().unwrap() <= told["ram_mb_peak"].as_f64().unwrap());
    assert!(["rss", "pss"].contains(&told["memory_source"].as_str().unwrap()), "{told}");
}

#[test]
fn what_cannot_be_measured_is_said_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("ran");
    let touch = ["touch", marker.to_str().unwrap()];
    for (flags, command, code, words) in [
        (&["--pid", "4194305"][..], &[][..], 1, "no process 4194305"),
        (&["--pid", "1x"], &[], 2, "invalid"),
        (&["--result", "/no/such/directory/x"], &touch, 2, "--result"),
        (&["--result", "/proc/x"], &touch, 2, "--result"),
        (&["--job", ""], &touch, 2, "empty"),
        (&["--pid", "1"], &touch, 2, "cannot be used with"),
        (&[], &[], 2, "CMD"),
    ] {
        let output = run(directory.path(), flags, command);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{flags:?}: {complaint}");
        assert!(complaint.contains(words), "{flags:?}: {complaint}");
    }
    let without_dashes = run(directory.path(), &["echo", "hi"], &[]);
    assert_eq!(without_dashes.status.code(), Some(2), "{without_dashes:?}");
    assert!(!marker.exists() && String::from_utf8_lossy(&without_dashes.stderr).contains("--"), "{without_dashes:?}");
}

#[test]
fn a_process_that_runs_already_is_measured_until_it_ends() {
    let spool = tempfile::tempdir().unwrap();
    let load = format!("{COUNT}; read x; count 200000; sleep 1");
    let mut other = Command::new("dash").args(["-c", &load]).stdin(Stdio::piped()).spawn().unwrap();
    let measuring = prepared(spool.path(), &["--pid", &other.id().to_string()], &[]).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the first report", || spool.path().exists() && !spooled(spool.path()).is_empty());
    other.stdin.take().unwrap().write_all(b"go\n").unwrap();
    other.wait().unwrap();
    let output = measuring.wait_with_output().unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(0.01 < told["cpu_seconds"].as_f64().unwrap(), "{told}");
}

#[test]
fn a_signal_that_only_we_get_reaches_the_command_once() {
    let spool = tempfile::tempdir().unwrap();
    let load =
        "trap 'echo TERM' TERM; trap 'echo HUP' HUP; trap 'echo USR1; exit 5' USR1; echo ready; while :; do sleep 0.05; done";
    let mut running = prepared(spool.path(), &[], &["bash", "-c", load]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    for (signal, line) in [("TERM", "TERM"), ("HUP", "HUP"), ("USR1", "USR1")] {
        send(signal, &running);
        assert_eq!(lines.next().unwrap().unwrap(), line);
    }
    assert!(lines.next().is_none(), "and nothing twice");
    assert_eq!(running.wait().unwrap().code(), Some(5));
}

#[test]
fn a_command_that_is_stopped_and_continued_goes_on() {
    let spool = tempfile::tempdir().unwrap();
    let mut running = prepared(spool.path(), &[], &["sh", "-c", "echo $$; read x; echo done"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let command = lines.next().unwrap().unwrap();
    let kill = |signal: &str| assert!(Command::new("kill").args([&format!("-{signal}"), &command]).status().unwrap().success());
    kill("STOP");
    wait_for("the stop", || state_of(&command) == "T");
    kill("CONT");
    running.stdin.take().unwrap().write_all(b"x\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "done");
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_that_ignores_the_signal_goes_on_and_is_measured_to_its_end() {
    let spool = tempfile::tempdir().unwrap();
    let mut running =
        prepared(spool.path(), &["--job", "stubborn"], &["bash", "-c", "trap '' TERM; echo ready; read x; exit 4"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    send("TERM", &running);
    running.stdin.take().unwrap().write_all(b"x\n").unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(4));
    let last = spooled(spool.path()).pop().unwrap();
    assert_eq!((&last["job_id"], &last["state"], &last["exit_code"]), (&"stubborn".into(), &"FAIL".into(), &4.into()));
}

/// A shell with job control in a terminal of its own, as a person sits before it.
#[test]
fn in_a_terminal_ctrl_c_and_ctrl_z_do_what_they_do_without_us() {
    let spool = tempfile::tempdir().unwrap();
    let tidewatch = format!("{} run --nats-url {NOWHERE} --spool {}", env!("CARGO_BIN_EXE_tidewatch"), spool.path().display());
    let mut terminal = Terminal::open();
    terminal.say(&format!(
        "{tidewatch} -- bash -c 'trap \"echo caught; exit 9\" INT; test -t 0 && stty size; echo up; sleep 60'\n"
    ));
    terminal.hear("\r\nup\r\n");
    terminal.say("\x03");
    terminal.hear("caught");
    terminal.say("echo code=$?.\n");
    terminal.hear("code=9.");
    terminal.say(&format!("{tidewatch} -- sleep 60\n"));
    wait_for("the command", || terminal.has_child_named("sleep"));
    terminal.say("\x1a");
    terminal.hear("Stopped");
    terminal.say("fg\n");
    terminal.hear("run --nats-url");
    terminal.say("\x03");
    terminal.hear("SIGINT");
    terminal.say("echo code=$?.\n");
    terminal.hear("code=130.");
    terminal.say(&format!("{tidewatch} -- cat\n"));
    wait_for("the command", || terminal.has_child_named("cat"));
    terminal.say("to cat\n\x04");
    terminal.hear("\r\nto cat\r\n");
    let program = "trap \"stty size; stty size >sizes\" WINCH; echo up; while :; do sleep 0.02; done";
    terminal.say(&format!("cd {}; {tidewatch} -- bash -c '{program}'\n", spool.path().display()));
    terminal.hear("up\r\n");
    let name = format!("/dev/{}", terminal.terminal());
    assert!(Command::new("stty").args(["-F", &name, "rows", "33", "cols", "99"]).status().unwrap().success());
    terminal.hear("33 99\r\n");
    wait_for("the size", || std::fs::read_to_string(spool.path().join("sizes")).is_ok_and(|size| size == "33 99\n"));
    terminal.say("\x03");
    terminal.hear("SIGINT");
    terminal.say("exit\n");
}

struct Terminal {
    script: Child,
    seen: std::sync::mpsc::Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    /// `script` of util-linux makes the terminal and types for us.
    fn open() -> Self {
        let mut script = Command::new("script")
            .args(["-qfc", "env --default-signal PS1='$ ' bash --norc -i", "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = script.stdout.take().unwrap();
        let (sender, seen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let mut terminal = Self { script, seen, text: String::new() };
        terminal.hear("$ ");
        terminal
    }

    fn say(&mut self, text: &str) {
        self.text.clear();
        self.script.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn hear(&mut self, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.text.contains(wanted) {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = self.seen.recv_timeout(left).unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn has_child_named(&self, name: &str) -> bool {
        let tree = Command::new("pgrep").args(["-x", name, "-t", &self.terminal()]).output().unwrap();
        tree.status.success()
    }

    /// Its name, as `pts/3`: that of whoever runs in it.
    fn terminal(&self) -> String {
        let parent = self.script.id().to_string();
        let output = Command::new("ps").args(["-o", "tty=", "--ppid", &parent]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

fn send(signal: &str, to: &Child) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &to.id().to_string()]).status().unwrap().success());
}

fn state_of(pid: &str) -> String {
    let output = Command::new("ps").args(["-o", "state=", "-p", pid]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
