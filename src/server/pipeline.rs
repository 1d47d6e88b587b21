//! Ingest, decoder and processor, joined by bounded channels: a full one makes the one before it wait, up to the stream itself.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{Error, failed, watchdog};
use crate::config;
use crate::event::subject::Root;
use crate::event::wire::{Decoder, Headers, Raw};
use crate::failpoint::{self, Point};
use crate::files::message::Arrow;
use crate::http::{Recent, Trails};
use crate::nats::ingest::{self, IngestError};
use crate::nats::{Nats, RawBatch, RawMessage};
use crate::processor::{self, Batch, Projection};
use crate::store::{self, Auditor, CopySource, Reader, Syncer};
use crate::telemetry;
use crate::view::View;

/// Raw batches between ingest and decoder, at most 1 MiB each. Full = ingest stops pulling and the stream keeps the rest.
const RAW_BATCHES_MAX: usize = 1;

/// Decoded batches between decoder and processor. Full = the decoder waits, and so does ingest.
const DECODED_BATCHES_MAX: usize = 1;

/// Rows are added up for so long, with as long pauses: half a core at most, while a large store is added up.
const AUDIT_TIME: Duration = Duration::from_millis(20);
const AUDIT_PAUSE: Duration = Duration::from_millis(20);

/// The running pipeline.
pub struct Pipeline {
    pub view: watch::Receiver<Arc<View>>,
    pub reader: Reader,
    /// Copies the rows of the store while it is written.
    pub copies: CopySource,
    /// The last messages, for whoever looks.
    pub recent: Arc<Recent>,
    pub trails: Arc<Trails>,
    ingest: tokio::task::JoinHandle<Result<(), IngestError>>,
    decoder: JoinHandle<()>,
    processor: JoinHandle<Result<(), processor::Error>>,
    syncer: JoinHandle<Result<(), store::Error>>,
    auditor: JoinHandle<Result<(), store::Error>>,
    /// Cancelled when a stage has ended; nobody waits for the others then.
    broken: CancellationToken,
    stop: CancellationToken,
}

impl Pipeline {
    /// Starts reading after the projection's position. Cancelling `stop` ends it in order: ingest, decoder, processor.
    pub fn start(
        projection: Projection,
        nats: &Nats,
        settings: &config::Store,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let (raw, raw_inbox) = mpsc::channel(RAW_BATCHES_MAX);
        let (decoded, inbox) = sync_channel(DECODED_BATCHES_MAX);
        let (view_sender, view) = watch::channel(Arc::new(projection.view().clone()));
        let (reader, syncer) = (projection.reader(), projection.syncer().map_err(failed)?);
        let (auditor, copies) = (projection.auditor(), projection.copies());
        let (broken, stop) = (CancellationToken::new(), stop.child_token());
        let saved = projection.saved();

        let ingest = tokio::spawn({
            let (nats, stop, broken) = (nats.clone(), stop.clone(), broken.clone().drop_guard());
            async move {
                let _broken = broken;
                ingest::run(nats, saved, raw, stop).await
            }
        });
        let root = nats.root().clone();
        let (recent, trails) = (Arc::new(Recent::default()), Arc::new(Trails::default()));
        let (noted, trailed) = (Arc::clone(&recent), Arc::clone(&trails));
        let decoder = named("decoder", broken.clone(), move || decode_all(raw_inbox, &root, &noted, &trailed, &decoded))?;
        let (alive, processor_ended) = channel::<()>();
        let (alive_too, processor_ended_too) = channel::<()>();
        watchdog::watch_commits(projection.pulse(), settings.hang_limit).map_err(failed)?;
        let processor = named("processor", broken.clone(), {
            let stop = stop.clone();
            move || {
                let _alive = (alive, alive_too);
                processor::run(projection, &inbox, &view_sender, &stop)
            }
        })?;
        let (sync_interval, audit_interval) = (settings.sync_interval, settings.audit_interval);
        let syncer = named("syncer", broken.clone(), move || sync_all(syncer, sync_interval, &processor_ended))?;
        let auditor = named("auditor", broken.clone(), move || audit(&auditor, audit_interval, &processor_ended_too))?;
        Ok(Self { view, reader, copies, recent, trails, ingest, decoder, processor, syncer, auditor, broken, stop })
    }

    /// Returns once a stage has ended, of itself or not.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Stops pulling, lets what was read be applied and committed, and gives the first error of any stage.
    pub async fn finish(self, grace: Duration) -> Result<(), Error> {
        self.stop.cancel();
        let Self { ingest, decoder, processor, syncer, auditor, reader, .. } = self;
        let ended = async {
            let ingested = ingest.await.map_err(failed)?;
            let processed = tokio::task::spawn_blocking(move || {
                join(decoder, "decoder")?;
                let processed = join(processor, "processor")?.map_err(failed);
                let synced = join(syncer, "syncer")?.map_err(failed);
                let audited = join(auditor, "auditor")?.map_err(failed);
                processed.and(synced).and(audited)
            });
            let processed = processed.await.map_err(failed)?;
            ingested.map_err(|error| Error::Diverged(error.into()))?;
            processed
        };
        match tokio::time::timeout(grace, ended).await {
            // whoever found it, and whatever failed because of it
            Ok(ended) => reader.damage().map_or(ended, |reason| Err(Error::Damaged(reason.into()))),
            Err(_elapsed) => {
                error!(?grace, "the pipeline holds on past the grace period");
                Err(failed("the pipeline did not stop in time"))
            }
        }
    }
}

/// Decodes in stream order on a thread of its own, so that the processor only applies.
fn decode_all(mut inbox: mpsc::Receiver<RawBatch>, root: &Root, recent: &Recent, trails: &Trails, decoded: &SyncSender<Batch>) {
    let decoder = Decoder::new(Arrow);
    while let Some(batch) = inbox.blocking_recv() {
        failpoint::reach(Point::IngestFetched);
        let messages: Vec<_> = batch.messages.iter().map(|raw| decoder.decode(raw_of(raw), root)).collect();
        recent.note(&messages);
        trails.note(&messages);
        telemetry::INGEST_MESSAGES.add(messages.len() as u64);
        telemetry::INGEST_BYTES.add(batch.bytes as u64);
        telemetry::INGEST_RECORDS.add(messages.iter().map(|message| message.records.len() as u64).sum());
        failpoint::reach(Point::IngestDecoded);
        if decoded.send(Batch::new(messages, batch.saved)).is_err() {
            return;
        }
    }
}

fn raw_of(raw: &RawMessage) -> Raw<'_> {
    Raw { seq: raw.seq, stored_at: raw.stored_at, subject: &raw.subject, headers: raw, payload: &raw.payload }
}

impl Headers for RawMessage {
    fn get(&self, name: &str) -> Option<&str> {
        self.header(name)
    }
}

/// Syncs the store on a timer until the processor has ended, and once more then. A failed sync ends it, and with it the process: see
/// [`Syncer::sync`].
fn sync_all(mut syncer: Syncer, interval: Duration, processor_ended: &Receiver<()>) -> Result<(), store::Error> {
    loop {
        let waited = processor_ended.recv_timeout(interval);
        syncer.sync()?;
        if waited == Err(RecvTimeoutError::Disconnected) {
            return Ok(());
        }
    }
}

/// Adds up the rows of the store until the processor has ended: what the opening has left, and everything again each `interval`. Damage ends it,
/// and with it the pipeline.
fn audit(auditor: &Auditor, interval: Duration, processor_ended: &Receiver<()>) -> Result<(), store::Error> {
    loop {
        let is_done = auditor.advance(AUDIT_TIME)?;
        if is_done {
            telemetry::STORE_CHECKS.add(1);
        }
        let pause = if is_done { interval } else { AUDIT_PAUSE };
        if processor_ended.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return Ok(());
        }
    }
}

/// A thread of ours; when it ends, `broken` is cancelled.
fn named<T: Send + 'static>(
    name: &str,
    broken: CancellationToken,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    let work = move || {
        let _broken = broken.drop_guard();
        work()
    };
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(failed)
}

fn join<T>(thread: JoinHandle<T>, name: &str) -> Result<T, Error> {
    thread.join().map_err(|_panic| failed(format!("the {name} panicked")))
}
