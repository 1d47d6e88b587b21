//! One connection: one task, one frame in flight. It waits for whatever comes first: a word of the client, a new view, or the
//! time for a frame that had to wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::http::auth::{self, Caller};
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::socket::channel;
use crate::http::socket::frame::{self, Cursor, FrameType};
use crate::http::socket::message::{Channel, Request, Wanted};
use crate::http::socket::overview;
use crate::ids::Name;
use crate::monitor::model::Model;
use crate::monitor::tokens::Tokens;
use crate::telemetry;
use crate::view::View;

const HEARTBEAT: Duration = Duration::from_secs(5);
/// Frames of `server-metrics` and `system-status`, as requirement D6 has it.
const BROADCAST: Duration = Duration::from_secs(5);
/// Frames of `ai-analysis`, as requirement D15 has it, unless a finding begins or ends.
const ANALYSIS: Duration = Duration::from_secs(30);
/// A ping goes out with every so many heartbeats.
const BEATS_PER_PING: u32 = 4;
/// Silence, not even an answer to a ping, after which a connection is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a client may take over one frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Messages of a client within a second; a client that says more is cut off.
const MESSAGES_PER_SECOND: u32 = 50;
/// How long a closing handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a connection ends.
enum End {
    /// The client went, or cannot be reached.
    Gone,
    Close(u16, &'static str),
}

struct Connection {
    socket: WebSocket,
    shared: Arc<Shared>,
    caller: Caller,
    views: watch::Receiver<Arc<View>>,
    /// The tokens that were last looked at.
    tokens: Arc<Tokens>,
    subscriptions: BTreeMap<Channel, Subscription>,
    heard_at: Instant,
    beats: u32,
    /// Start of the current second, and messages within it.
    second: (Instant, u32),
}

struct Subscription {
    wanted: Wanted,
    state: Progress,
    /// Not before this.
    due: Instant,
    /// Position of the view of the last frame; `None` before the first.
    sent: Option<u64>,
    /// Beginnings and ends of findings that the last frame knew.
    turns: u64,
    /// Up to this command, models that were forgotten are not among those that the client has.
    forgotten_at: u64,
}

/// How far a subscription has got.
enum Progress {
    /// The next frame is a snapshot.
    Fresh,
    Models(Cursor),
    /// What is in the client's list. `None` while a frame is being made.
    Overview(Option<Box<overview::Progress>>),
    Windows(Option<Arc<Model>>),
    Whole,
}

/// Serves one client until either side has enough.
pub async fn run(socket: WebSocket, shared: Arc<Shared>, caller: Caller) {
    let now = Instant::now();
    let views = shared.app.view.clone();
    // none looked at yet: the token may have been revoked since the handshake
    let tokens = Arc::default();
    let subscriptions = BTreeMap::new();
    let connection =
        Connection { socket, shared, caller, views, tokens, subscriptions, heard_at: now, beats: 0, second: (now, 0) };
    connection.serve().await;
}

impl Connection {
    async fn serve(mut self) {
        let stop = self.shared.stop.clone();
        let mut beat = Instant::now() + HEARTBEAT;
        let end = loop {
            let due = self.next_due();
            let wake = due.map_or(beat, |due| due.min(beat));
            // all cancel-safe: a message not taken stays in the socket, a view not seen stays changed, a sleep is made anew
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => Err(End::Close(close_code::AWAY, "the server stops")),
                message = self.socket.recv() => self.hear(message).await,
                // while a frame waits for its time, further views change nothing
                changed = self.views.changed(), if due.is_none() => self.on_view(changed.is_ok()),
                () = sleep_until(wake) => Ok(()),
            };
            let step = match step {
                Ok(()) => self.send_due().await,
                Err(end) => Err(end),
            };
            let step = match step {
                Ok(()) if beat <= Instant::now() => {
                    beat = Instant::now() + HEARTBEAT;
                    self.beat().await
                }
                other => other,
            };
            if let Err(end) = step {
                break end;
            }
        };
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            // the client may be past hearing it
            let _ = timeout(CLOSE_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await;
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let message = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            // too large, or no WebSocket any more
            Some(Err(_)) => return Err(End::Close(close_code::SIZE, "the message was too large or broken")),
            Some(Ok(message)) => message,
        };
        self.heard_at = Instant::now();
        self.pace()?;
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return self.refuse("bad_message", "send JSON as text").await,
            // pings are answered by the library
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        match Request::parse(&text) {
            Ok(Request::Subscribe(wanted)) => {
                self.subscribe(wanted);
                Ok(())
            }
            Ok(Request::Unsubscribe(channel)) => {
                self.subscriptions.remove(&channel);
                Ok(())
            }
            Ok(Request::Ping) => self.send_beat().await,
            Err(misunderstood) => self.refuse(misunderstood.code, &misunderstood.message).await,
        }
    }

    /// Cuts off who talks too much.
    fn pace(&mut self) -> Result<(), End> {
        let (second, messages) = &mut self.second;
        if Duration::from_secs(1) <= self.heard_at - *second {
            (*second, *messages) = (self.heard_at, 0);
        }
        *messages += 1;
        if *messages <= MESSAGES_PER_SECOND { Ok(()) } else { Err(End::Close(close_code::POLICY, "too many messages")) }
    }

    fn subscribe(&mut self, wanted: Wanted) {
        let view = self.view();
        let before = self.subscriptions.remove(&wanted.channel).map(|before| before.state);
        let state = match (wanted.channel, wanted.place) {
            // another part of the list, or another order: rows that the client has are not told again
            (Channel::Overview, _) if matches!(before, Some(Progress::Overview(_))) => before.unwrap_or(Progress::Fresh),
            // from another epoch, or ahead of us: what the client has cannot be continued
            (Channel::Models, Some((epoch, after)))
                if epoch == view.epoch && (view.models_forgotten_at..=view.position).contains(&after) =>
            {
                Progress::Models(Cursor { seq: after, name: None })
            }
            _ => Progress::Fresh,
        };
        let (turns, forgotten_at) = (view.turns, view.models_forgotten_at);
        let channel = wanted.channel;
        let subscription = Subscription { wanted, state, due: Instant::now(), sent: None, turns, forgotten_at };
        self.subscriptions.insert(channel, subscription);
    }

    /// A revoked token closes at once what it opened.
    fn on_view(&mut self, is_alive: bool) -> Result<(), End> {
        if is_alive { self.check_token() } else { Err(End::Close(close_code::AWAY, "the server stops")) }
    }

    fn check_token(&mut self) -> Result<(), End> {
        let tokens = Arc::clone(&self.views.borrow().tokens);
        let is_valid = if Arc::ptr_eq(&tokens, &self.tokens) {
            auth::is_in_time(&self.shared, &self.caller)
        } else {
            self.tokens = tokens;
            auth::is_valid(&self.shared, &self.tokens, &self.caller)
        };
        if is_valid { Ok(()) } else { Err(End::Close(close_code::POLICY, "the token was revoked, or the session has ended")) }
    }

    /// When the next frame may go out; `None` while there is nothing to tell.
    fn next_due(&self) -> Option<Instant> {
        let view = self.views.borrow();
        let waiting = self.subscriptions.values().filter(|subscription| subscription.has_news(view.position));
        waiting.map(|subscription| subscription.due(&view)).min()
    }

    /// Sends what is due, each channel one frame at most, so that the client is heard between two.
    async fn send_due(&mut self) -> Result<(), End> {
        self.check_token()?;
        for channel in Channel::ALL {
            let view = self.view();
            let now = Instant::now();
            let Some(subscription) = self.subscriptions.get(&channel) else { continue };
            if !subscription.has_news(view.position) || now < subscription.due(&view) {
                continue;
            }
            match self.frame(channel, &view).await {
                Ok(Some(text)) => self.send(Message::Text(text)).await?,
                Ok(None) => {}
                Err(_told) => {
                    self.subscriptions.remove(&channel);
                    self.refuse("unavailable", "the channel could not be read; subscribe again").await?;
                }
            }
        }
        Ok(())
    }

    /// The next frame of a channel, and moves the subscription on.
    async fn frame(&mut self, channel: Channel, view: &Arc<View>) -> Result<Option<Utf8Bytes>, Problem> {
        let Some(subscription) = self.subscriptions.get_mut(&channel) else { return Ok(None) };
        if channel == Channel::Models && subscription.forgotten_at < view.models_forgotten_at {
            // a change cannot take a model away; a snapshot replaces all
            (subscription.state, subscription.forgotten_at) = (Progress::Fresh, view.models_forgotten_at);
        }
        let is_first = matches!(subscription.state, Progress::Fresh);
        let kind = if is_first { FrameType::Snapshot } else { FrameType::Change };
        let mut is_complete = true;
        let text = match channel {
            Channel::Models => {
                let cursor = match &subscription.state {
                    Progress::Models(cursor) => cursor.clone(),
                    _ => Cursor::default(),
                };
                let only = subscription.wanted.models.as_deref();
                let made = channel::models(&self.shared, view, kind, only, &cursor).await?;
                subscription.state = Progress::Models(made.next);
                is_complete = made.is_complete;
                // a frame of nothing confirms a resumption, and is noise after that
                Some(made.text).filter(|_| made.is_filled || subscription.sent.is_none())
            }
            Channel::Overview => {
                let told = match &mut subscription.state {
                    Progress::Overview(told) => told.take().map(|told| *told),
                    _ => None,
                };
                let made = overview_frame(&self.shared, view, &subscription.wanted.view, told).await?;
                subscription.state = Progress::Overview(Some(Box::new(made.progress)));
                is_complete = made.is_current;
                made.text
            }
            Channel::Windows => {
                let mut names = subscription.wanted.models.iter().flatten();
                let Some(name) = names.next().cloned() else { return Ok(None) };
                let before = match &subscription.state {
                    Progress::Windows(model) => model.clone(),
                    _ => None,
                };
                let now = view.models.get(&name).cloned();
                let is_same = before.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| Arc::ptr_eq(before, now));
                subscription.state = Progress::Windows(now);
                if is_same && !is_first { None } else { windows(&self.shared, view, name, before).await? }
            }
            Channel::ServerMetrics => {
                subscription.state = Progress::Whole;
                Some(channel::server_metrics(&self.shared, view, kind).await?)
            }
            Channel::SystemStatus => {
                subscription.state = Progress::Whole;
                Some(channel::system_status(&self.shared, view, kind).await?)
            }
            Channel::AiAnalysis => {
                subscription.state = Progress::Whole;
                Some(channel::ai_analysis(&self.shared, view, kind, subscription.wanted.findings).await?)
            }
        };
        subscription.moved(view, is_complete);
        Ok(text)
    }

    async fn beat(&mut self) -> Result<(), End> {
        self.check_token()?;
        if SILENCE_MAX <= self.heard_at.elapsed() {
            return Err(End::Close(close_code::AWAY, "nothing was heard for a minute"));
        }
        self.beats = self.beats.wrapping_add(1);
        if self.beats.is_multiple_of(BEATS_PER_PING) {
            self.send(Message::Ping(bytes::Bytes::new())).await?;
        }
        self.send_beat().await
    }

    async fn send_beat(&mut self) -> Result<(), End> {
        let last_seq = self.shared.app.log.borrow().last_seq;
        let text = frame::heartbeat(&self.view(), last_seq);
        self.send(Message::Text(text)).await
    }

    async fn refuse(&mut self, code: &str, message: &str) -> Result<(), End> {
        self.send(Message::Text(frame::error(code, message))).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let before = self.views.borrow().position;
        let sent = timeout(SEND_TIMEOUT, self.socket.send(message)).await;
        // what came while the client was busy is told as one
        let skipped = self.views.borrow().position != before;
        telemetry::WEBSOCKET_SKIPS.add(u64::from(skipped));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(End::Gone),
            Err(_elapsed) => Err(End::Gone),
        }
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.views.borrow())
    }
}

impl Subscription {
    fn has_news(&self, position: u64) -> bool {
        let tells_all = matches!(self.wanted.channel, Channel::ServerMetrics | Channel::SystemStatus | Channel::AiAnalysis);
        tells_all || self.sent != Some(position)
    }

    /// When the next frame may go out: of the analysis sooner if a finding has begun or ended.
    fn due(&self, view: &View) -> Instant {
        match self.wanted.channel {
            Channel::AiAnalysis if self.turns != view.turns => self.due - (ANALYSIS - BROADCAST),
            _ => self.due,
        }
    }

    /// After a frame. The next may go out when the interval has passed, at an instant all subscribers of that interval share, so
    /// that they find each other's frames made.
    fn moved(&mut self, view: &View, is_complete: bool) {
        let now = Instant::now();
        self.sent = is_complete.then_some(view.position);
        self.turns = view.turns;
        self.due = match self.wanted.channel {
            // a list that is a little older than the view has its turn with the next
            Channel::Overview => shared_instant(now, self.wanted.interval),
            Channel::Models | Channel::Windows if is_complete => shared_instant(now, self.wanted.interval),
            Channel::Models | Channel::Windows => now,
            Channel::ServerMetrics | Channel::SystemStatus => now + BROADCAST,
            Channel::AiAnalysis => now + ANALYSIS,
        };
    }
}

/// The first instant on the grid of `interval` that is at least half an interval away.
fn shared_instant(now: Instant, interval: Duration) -> Instant {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let step = interval.as_micros();
    if step == 0 {
        return now;
    }
    let elapsed = (now + interval / 2).saturating_duration_since(*START).as_micros();
    *START + Duration::from_micros(u64::try_from((elapsed / step + 1) * step).unwrap_or(u64::MAX))
}

/// The models are looked through for a list, off the runtime.
async fn overview_frame(
    shared: &Arc<Shared>,
    view: &Arc<View>,
    wanted: &overview::Wanted,
    told: Option<overview::Progress>,
) -> Result<overview::Made, Problem> {
    let (worker, view, wanted) = (Arc::clone(shared), Arc::clone(view), wanted.clone());
    shared.making(move || overview::frame(&worker.censuses, &view, &wanted, told)).await
}

/// Windows that left memory are read from the store, off the runtime.
async fn windows(
    shared: &Arc<Shared>,
    view: &Arc<View>,
    name: Name,
    before: Option<Arc<Model>>,
) -> Result<Option<Utf8Bytes>, Problem> {
    let (worker, view) = (Arc::clone(shared), Arc::clone(view));
    shared.making(move || channel::windows(&worker, &view, &name, before.as_deref())).await?
}
