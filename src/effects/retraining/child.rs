//! The trainer as a process: `tidewatch trainer`, fed with messages of the log, heard until it has a model. It ends when this value is dropped.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::event::Trained;
use crate::event::wire::Raw;
use crate::nats::{Past, RawMessage};
use crate::telemetry::chain;
use crate::train::job::piece;
use crate::train::job::{Order, Say};

/// A trainer that says nothing for so long has hung. A step of a large search is the longest that it is silent.
const SILENCE_MAX: Duration = Duration::from_secs(1_800);

/// Bytes that are kept of what it complains of.
const COMPLAINT_MAX: usize = 2_000;

/// Bytes of a piece: those of a model are far fewer.
const PIECE_MAX: u32 = 1 << 30;

/// Why an attempt has no answer.
#[derive(Debug)]
pub struct Lost(pub String);

/// What was heard of a trainer.
pub enum Heard {
    Say(Say),
    Model(Box<Trained>, Vec<u8>),
}

pub struct Child {
    process: tokio::process::Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    complaints: Option<JoinHandle<String>>,
    feeding: Option<JoinHandle<Result<(), String>>>,
    order: Vec<u8>,
}

impl Child {
    /// Starts a trainer.
    pub fn start(order: &Order) -> Result<Self, Lost> {
        let lost = |error: std::io::Error| Lost(format!("no trainer can be started: {error}"));
        let program = std::env::current_exe().map_err(lost)?;
        let mut process = Command::new(program)
            .arg("trainer")
            // a trainer has no use for what this process was told by its environment
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(lost)?;
        let (input, output) = (process.stdin.take(), process.stdout.take().expect("it is piped"));
        let complaints = process.stderr.take().map(|stderr| tokio::spawn(complaints(stderr)));
        let packed = rmp_serde::to_vec_named(order).expect("an order is plain data");
        let mut first = Vec::new();
        piece::put(&mut first, &packed);
        Ok(Self { process, input, output, complaints, feeding: None, order: first })
    }

    /// Its number as a process; `None` once it has been waited for.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Feeds it with a part of the log, as fast as it reads.
    pub fn feed(&mut self, mut past: Past) {
        let Some(mut input) = self.input.take() else { return };
        let order = std::mem::take(&mut self.order);
        let feeding = async move {
            input.write_all(&order).await.map_err(|error| error.to_string())?;
            loop {
                let messages = past.next().await.map_err(|error| chain(&error).to_string())?;
                let mut bytes = Vec::new();
                messages.iter().for_each(|message| piece::put_message(&mut bytes, raw_of(message)));
                if messages.is_empty() {
                    piece::put(&mut bytes, &[]);
                }
                // one that knows enough reads no more
                let written = input.write_all(&bytes).await;
                if messages.is_empty() || written.is_err() {
                    return Ok(());
                }
            }
        };
        self.feeding = Some(tokio::spawn(feeding));
    }

    /// What it says next.
    pub async fn hear(&mut self) -> Result<Heard, Lost> {
        let heard = tokio::time::timeout(SILENCE_MAX, self.next()).await;
        heard.map_err(|_elapsed| Lost(format!("the trainer said nothing for {} s", SILENCE_MAX.as_secs())))?
    }

    async fn next(&mut self) -> Result<Heard, Lost> {
        let Some(said) = self.piece().await else { return Err(self.why().await) };
        let say: Say =
            serde_json::from_slice(&said).map_err(|error| Lost(format!("the trainer says what nobody reads: {error}")))?;
        match say {
            Say::Trained(trained) => match self.piece().await {
                Some(bytes) => Ok(Heard::Model(trained, bytes)),
                None => Err(self.why().await),
            },
            say => Ok(Heard::Say(say)),
        }
    }

    /// The next piece; `None` if it ends.
    async fn piece(&mut self) -> Option<Vec<u8>> {
        let length = self.output.read_u32_le().await.ok().filter(|length| *length <= PIECE_MAX)?;
        let mut piece = vec![0; length as usize];
        self.output.read_exact(&mut piece).await.ok()?;
        Some(piece)
    }

    /// Why it has ended without an answer.
    async fn why(&mut self) -> Lost {
        if let Some(feeding) = self.feeding.take().filter(JoinHandle::is_finished)
            && let Ok(Err(detail)) = feeding.await
        {
            return Lost(detail);
        }
        let status = self.process.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        let complaint = match self.complaints.take() {
            Some(complaints) => complaints.await.unwrap_or_default(),
            None => String::new(),
        };
        Lost(format!("the trainer ended without an answer ({status}) {}", complaint.trim()).trim_end().to_owned())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(feeding) = &self.feeding {
            feeding.abort();
        }
    }
}

/// The beginning of what it complains of; the rest is read and forgotten, so that it never waits for us.
async fn complaints(mut from: ChildStderr) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 1_024]);
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let room = COMPLAINT_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..count.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A stored message as the decoder takes it.
pub fn raw_of(raw: &RawMessage) -> Raw<'_> {
    Raw { seq: raw.seq, stored_at: raw.stored_at, subject: &raw.subject, headers: raw, payload: &raw.payload }
}
