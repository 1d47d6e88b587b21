//! Claim: the store joins late labels among 50 million pending predictions in bounded memory, and taking in new ones does not
//! slow down as they grow.
//!
//! `cargo bench --bench pending -- [--rows 50000000] [--commit 65536] [--dir target/pending-bench] [--sync-ms 1000]`
//!
//! Phases: insert (each row looked up first, as the search for duplicates does), misses alone, late labels (get and put) and
//! duplicates (get) at random, small commits, reopen. The directory is deleted at the start and at the end.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidewatch::store::{Commit, Options, PendingKey, Store, Syncer};
use xxhash_rust::xxh3::xxh3_128;

const ROW: [u8; 24] = [7; 24];
const REPORT_ROWS: u64 = 5_000_000;
const PROBES: u64 = 200_000;

type Done<T = ()> = Result<T, Box<dyn Error>>;

struct Args {
    rows: u64,
    commit: u64,
    dir: PathBuf,
    sync_every: Duration,
}

fn main() -> Done {
    let args = Args::read()?;
    remove(&args.dir)?;
    let mut store = Store::open(&args.dir, Options::default())?.store;
    let syncer = store.syncer()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| sync_until(&stop, syncer, args.sync_every));
        let ran = phases(&mut store, &args);
        stop.store(true, Ordering::Release);
        syncing.join().map_err(|_| "the syncing thread panicked")??;
        ran
    })?;
    drop(store);
    let started = Instant::now();
    let mut store = Store::open(&args.dir, Options::default())?.store;
    println!(
        "reopen: {:.2} s, {} MB resident, {:?}",
        started.elapsed().as_secs_f64(),
        resident_mb(),
        store.pending().figures()
    );
    drop(store);
    remove(&args.dir)
}

fn phases(store: &mut Store, args: &Args) -> Done {
    insert(store, args)?;
    misses(store, args.rows)?;
    at_random(store, "late labels", args.rows, true)?;
    at_random(store, "duplicates", args.rows, false)?;
    small_commits(store, args.rows)
}

fn insert(store: &mut Store, args: &Args) -> Done {
    let (mut next, mut reported, mut since, mut slowest) = (0, 0, Instant::now(), Duration::ZERO);
    let (mut looking, mut committing, mut cpu) = (Duration::ZERO, Duration::ZERO, thread_cpu());
    while next < args.rows {
        let started = Instant::now();
        let keys: Vec<PendingKey> = (next..args.rows.min(next + args.commit)).map(key).collect();
        store.pending().get_many(&keys, |_, _| panic!("no id is used twice"))?;
        for key in &keys {
            store.pending().put(key, &ROW)?;
        }
        next = args.rows.min(next + args.commit);
        looking += started.elapsed();
        let started = Instant::now();
        commit(store, next)?;
        committing += started.elapsed();
        slowest = slowest.max(started.elapsed());
        if REPORT_ROWS <= next - reported || next == args.rows {
            let rate = (next - reported) as f64 / since.elapsed().as_secs_f64();
            let per_row = |time: Duration| time.as_nanos() as u64 / (next - reported);
            let figures = store.pending().figures();
            println!(
                "{next:>9} rows: {rate:>8.0}/s (look up and put {} ns, commit {} ns, processor {} ns a row), slowest commit {:.0} ms, {} MB resident, \
                 {} MB of it ours, {} runs, {} MB on disk",
                per_row(looking),
                per_row(committing),
                per_row(thread_cpu() - cpu),
                slowest.as_secs_f64() * 1e3,
                resident_mb(),
                figures.memory_bytes >> 20,
                figures.runs,
                disk_mb(&args.dir)?,
            );
            misses(store, next)?;
            (reported, since, slowest, looking, committing) =
                (next, Instant::now(), Duration::ZERO, Duration::ZERO, Duration::ZERO);
            cpu = thread_cpu();
        }
    }
    Ok(())
}

/// Looks up predictions that never were.
fn misses(store: &mut Store, rows: u64) -> Done {
    let keys: Vec<PendingKey> = (0..PROBES).map(|id| key(rows + (1 << 40) + id)).collect();
    let (started, cpu) = (Instant::now(), thread_cpu());
    for key in &keys {
        assert!(store.pending().get(key)?.is_none(), "this id was never put");
    }
    let each = |time: Duration| time.as_nanos() as u64 / PROBES;
    print!("          misses: {} ns each ({} ns of processor time)", each(started.elapsed()), each(thread_cpu() - cpu));
    let (started, cpu) = (Instant::now(), thread_cpu());
    store.pending().get_many(&keys, |_, _| panic!("this id was never put"))?;
    println!(", together {} ns ({} ns)", each(started.elapsed()), each(thread_cpu() - cpu));
    Ok(())
}

fn at_random(store: &mut Store, name: &str, rows: u64, labels: bool) -> Done {
    let mut state = if labels { 0x2545_F491_4F6C_DD1D_u64 } else { 0x9E37_79B9_7F4A_7C15 };
    let mut times = Vec::with_capacity(PROBES as usize);
    let started = Instant::now();
    for number in 0..PROBES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let key = key(state % rows);
        let asked = Instant::now();
        let mut row = store.pending().get(&key)?.ok_or("a row that was put is missing")?.to_vec();
        if labels {
            row[0] = 8;
            store.pending().put(&key, &row)?;
        }
        times.push(asked.elapsed());
        if labels && (number + 1) % 1024 == 0 {
            commit(store, rows + number)?;
        }
    }
    let rate = PROBES as f64 / started.elapsed().as_secs_f64();
    times.sort();
    let at = |share: f64| times[(share * (PROBES - 1) as f64) as usize].as_secs_f64() * 1e6;
    println!("{name}: {rate:.0}/s, p50 {:.1} µs, p99 {:.1} µs, {} MB resident", at(0.5), at(0.99), resident_mb());
    Ok(())
}

fn small_commits(store: &mut Store, rows: u64) -> Done {
    const COMMITS: u64 = 4000;
    const ROWS: u64 = 256;
    let mut times = Vec::new();
    for number in 0..COMMITS {
        for id in 0..ROWS {
            store.pending().put(&key(rows + (1 << 41) + number * ROWS + id), &ROW)?;
        }
        let started = Instant::now();
        commit(store, rows + number)?;
        times.push(started.elapsed());
    }
    times.sort();
    let at = |share: f64| times[(share * (COMMITS - 1) as f64) as usize].as_secs_f64() * 1e3;
    println!("commits of {ROWS} rows: p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms", at(0.5), at(0.99), at(1.0));
    Ok(())
}

fn commit(store: &mut Store, seq: u64) -> Done {
    Ok(store.commit(Commit { seq, head: seq.to_be_bytes().to_vec(), puts: Vec::new(), keep: &|_, _| true })?)
}

fn sync_until(stop: &AtomicBool, mut syncer: Syncer, every: Duration) -> Result<(), tidewatch::store::Error> {
    let mut slowest = Duration::ZERO;
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(every);
        let started = Instant::now();
        syncer.sync()?;
        slowest = slowest.max(started.elapsed());
    }
    println!("slowest sync: {:.0} ms", slowest.as_secs_f64() * 1e3);
    Ok(())
}

/// Processor time of this thread so far: what the clock says on a machine that is busy with other things is not the cost.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn key(id: u64) -> PendingKey {
    let hash = xxh3_128(&id.to_le_bytes()).to_be_bytes();
    *hash.first_chunk().expect("a hash has 16 bytes")
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
}

fn disk_mb(dir: &Path) -> Done<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { disk_mb(&entry.path())? << 20 } else { entry.metadata()?.len() };
    }
    Ok(bytes >> 20)
}

fn remove(dir: &Path) -> Done {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(())
}

impl Args {
    fn read() -> Done<Self> {
        let dir = PathBuf::from("target/pending-bench");
        let mut args = Self { rows: 50_000_000, commit: 65_536, dir, sync_every: Duration::from_secs(1) };
        let mut given = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rows" => args.rows = value.parse()?,
                "--commit" => args.commit = value.parse()?,
                "--dir" => args.dir = value.into(),
                "--sync-ms" => args.sync_every = Duration::from_millis(value.parse()?),
                other => return Err(format!("no such argument: {other}").into()),
            }
        }
        Ok(args)
    }
}
