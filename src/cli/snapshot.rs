//! `tidewatch snapshot`: what a rebuild can begin with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::api::Target;
use super::table::table;
use super::token::shown;
use super::up::failure;
use super::{Answer, Failure, Outcome};
use crate::server;
use crate::snapshot::{self, Found, Shelf, SnapshotSummary};

/// Longer than taking and reading back a snapshot of a full disk.
const CREATE_TIMEOUT: Duration = Duration::from_secs(600);

/// Take, list, check and carry snapshots of the store
#[derive(Args)]
#[command(after_help = "\
A snapshot is what the store holds at one position of the log. `tidewatch rebuild`, and a start without a store, begin with the newest one
that belongs to the log and is whole, and read the log from there. The process takes one a day by itself (--snapshot-interval) and keeps
seven (--snapshots-kept), in DIR/snapshots.

Examples:
  tidewatch snapshot create
  tidewatch snapshot list --data /var/lib/tidewatch
  tidewatch snapshot verify
  tidewatch snapshot export /mnt/backup/tidewatch
  tidewatch snapshot import /mnt/backup/tidewatch --data /var/lib/tidewatch")]
pub struct Snapshot {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Take a snapshot now, of the running process or else of the store in the data directory
    #[command(after_help = "\
Examples:
  tidewatch snapshot create
  tidewatch snapshot create --url https://tidewatch.example --token-file admin.token --json")]
    Create,
    /// List the snapshots, the newest first
    #[command(after_help = "\
Examples:
  tidewatch snapshot list
  tidewatch snapshot list --json")]
    List,
    /// Read snapshots whole and compare each part with its hash and all rows with their sum
    #[command(after_help = "\
Ends with 1 if one of them is damaged, and says which part of it.

Examples:
  tidewatch snapshot verify
  tidewatch snapshot verify 81920-9f3a1c2b4d5e6f70")]
    Verify {
        /// Only this one [default: all]
        id: Option<String>,
    },
    /// Copy a snapshot into another directory
    #[command(after_help = "\
Parts that the directory has already are not copied again.

Examples:
  tidewatch snapshot export /mnt/backup/tidewatch
  tidewatch snapshot export /mnt/backup/tidewatch --id 81920-9f3a1c2b4d5e6f70")]
    Export {
        dir: PathBuf,
        /// This one [default: the newest]
        #[arg(long)]
        id: Option<String>,
    },
    /// Copy a snapshot out of another directory into the data directory
    #[command(after_help = "\
It is used by the next `tidewatch rebuild`, or by `tidewatch up` where there is no store, if it belongs to the log.

Examples:
  tidewatch snapshot import /mnt/backup/tidewatch
  tidewatch snapshot import /mnt/backup/tidewatch --data /var/lib/tidewatch")]
    Import {
        dir: PathBuf,
        /// This one [default: the newest]
        #[arg(long)]
        id: Option<String>,
    },
}

impl Snapshot {
    pub async fn run(self, answer: Answer) -> Outcome {
        match self.action {
            Action::Create => create(&self.target, answer).await,
            Action::List => list(&self.target, answer).await,
            Action::Verify { id } => verify(&here(&self.target)?, id.as_deref(), answer),
            Action::Export { dir, id } => carry(&here(&self.target)?, &Shelf::new(dir), id, "exported", answer),
            Action::Import { dir, id } => {
                let data = here(&self.target)?;
                std::fs::create_dir_all(data.dir())?;
                carry(&Shelf::new(dir), &data, id, "imported", answer)
            }
        }
    }
}

/// The snapshots of the data directory.
fn here(target: &Target) -> Result<Shelf, Failure> {
    if target.is_elsewhere() {
        return Err(anyhow!("this works on files; run it on the machine of the process, with --data instead of --url").into());
    }
    Ok(Shelf::in_data(&target.place()?.data))
}

async fn create(target: &Target, answer: Answer) -> Outcome {
    let config = target.place()?;
    let taken = if target.is_elsewhere() || crate::run_file::RunFile::read(&config.data).is_ok() {
        target.open()?.patient(CREATE_TIMEOUT)?.post("/api/v1/snapshots", &Value::Null).await?
    } else {
        let taken = server::take_snapshot(&config).map_err(failure)?;
        let mut shown = serde_json::to_value(SnapshotSummary::new(&taken.id, &taken.manifest))?;
        shown["parts_written"] = json!(taken.parts_written);
        shown
    };
    answer.give(&taken, |taken| {
        let [id, position, parts, written, bytes] =
            ["id", "position", "parts", "parts_written", "stored_bytes"].map(|field| shown(&taken[field]));
        format!(
            "took snapshot {id} at sequence {position} and read it back: {parts} parts of {bytes} bytes, {written} of them new"
        )
    })
}

async fn list(target: &Target, answer: Answer) -> Outcome {
    let listed = if target.is_elsewhere() {
        target.open()?.get("/api/v1/snapshots").await?
    } else {
        let items: Vec<SnapshotSummary> = here(target)?.list()?.iter().map(SnapshotSummary::of).collect();
        json!({ "items": items })
    };
    answer.give(&listed, |listed| {
        let items = listed["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            return "no snapshots yet; `tidewatch snapshot create` takes one".to_owned();
        }
        let fields = ["id", "taken_at", "version", "position", "rows", "stored_bytes", "problem"];
        let header = ["ID", "TAKEN", "RELEASE", "SEQUENCE", "ROWS", "BYTES", "PROBLEM"];
        let rows: Vec<_> = items.iter().map(|item| fields.map(|field| shown(&item[field]))).collect();
        table(header, 3, &rows)
    })
}

fn verify(shelf: &Shelf, id: Option<&str>, answer: Answer) -> Outcome {
    let mut wanted = shelf.list()?;
    if let Some(id) = id {
        wanted.retain(|found| found.id == id);
    }
    if wanted.is_empty() {
        let none = match id {
            Some(id) => snapshot::Error::Unknown { id: id.to_owned(), dir: shelf.dir().to_owned() },
            None => snapshot::Error::None(shelf.dir().to_owned()),
        };
        return Err(none.into());
    }
    let judged = |Found { id, position, manifest }: Found| {
        let verified = manifest.and_then(|manifest| snapshot::verify(shelf, &id, &manifest));
        let (rows, problem) = match &verified {
            Ok(verified) => (Some(verified.rows), None),
            Err(error) => (None, Some(crate::telemetry::chain(error).to_string())),
        };
        json!({ "id": id, "position": position, "verified": problem.is_none(), "rows": rows, "problem": problem })
    };
    let items: Vec<Value> = wanted.into_iter().map(judged).collect();
    let damaged = items.iter().filter(|item| item["verified"] == false).count();
    answer.give(&json!({ "items": items, "damaged": damaged }), |_| {
        let line = |item: &Value| match item["problem"].as_str() {
            None => format!("ok    {}  {} rows", shown(&item["id"]), shown(&item["rows"])),
            Some(problem) => format!("FAIL  {}  {problem}", shown(&item["id"])),
        };
        items.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    match damaged {
        0 => Ok(()),
        damaged => Err(anyhow!("{damaged} of {} snapshots cannot be used", items.len()).into()),
    }
}

fn carry(from: &Shelf, to: &Shelf, id: Option<String>, done: &str, answer: Answer) -> Outcome {
    let id = match id {
        Some(id) => id,
        None => newest(from)?,
    };
    let (manifest, copied) = snapshot::carry(from, to, &id)?;
    let told = json!({ done: id, "position": manifest.position, "parts": manifest.parts.len(), "parts_copied": copied, "to": to.dir() });
    answer.give(&told, |_| {
        let (parts, place) = (manifest.parts.len(), to.dir().display());
        format!("{done} snapshot {id} at sequence {} to {place}: {parts} parts, {copied} of them copied", manifest.position)
    })
}

/// The newest whose manifest can be read.
fn newest(shelf: &Shelf) -> Result<String, Failure> {
    let listed = shelf.list()?;
    let whole = listed.iter().find(|found| found.manifest.is_ok());
    Ok(whole.ok_or_else(|| snapshot::Error::None(Path::new(shelf.dir()).to_owned()))?.id.clone())
}
