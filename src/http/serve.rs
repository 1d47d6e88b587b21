//! Connections: accepted, bounded, timed, and closed in order.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::{debug, warn};

use crate::http::gate::{Gate, Held, Turn};
use crate::http::peer;
use crate::http::router::routed;
use crate::http::shared::{App, Shared};
use crate::telemetry;

/// Connections beside those of WebSockets; full: one that is not in use gives way, and if there is none the new one is refused.
const REQUEST_CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take over the head of a request, and how long a connection may idle between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a new connection may take to its first request: whoever connects has something to ask.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long open connections may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Rest after the system refused a connection, such as for want of file handles.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves until `cancel`, then takes no more connections, closes WebSockets with 1001 and lets requests finish, three seconds at most.
pub async fn serve(listener: TcpListener, app: App, cancel: CancellationToken) {
    let shared = Shared::new(app, cancel.child_token());
    let connections_max = REQUEST_CONNECTIONS_MAX + shared.app.settings.websockets_max;
    let gate = Gate::new(connections_max);
    let trusted = shared.app.settings.trusted_proxies.clone();
    let mut connections = JoinSet::new();
    let service = routed(&shared);
    let follower = Arc::clone(&shared);
    tokio::spawn(cancel.clone().run_until_cancelled_owned(async move {
        follower.log_clock.follow(follower.app.view.clone(), follower.app.log.clone()).await;
    }));
    loop {
        // cancel-safe: a connection that is not accepted here stays in the kernel's queue
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let client = (!peer::is_trusted(peer.ip(), &trusted)).then(|| peer::share_of(peer.ip()));
                match gate.enter(client) {
                    Some(held) => {
                        drop(connections.spawn(connection(stream, peer, Arc::new(held), service.clone(), cancel.clone())))
                    }
                    None => refuse(&stream),
                }
            }
            Err(error) => {
                warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    let sockets = u32::try_from(shared.app.settings.websockets_max).unwrap_or(u32::MAX);
    let ended = timeout(GRACE, async {
        // an upgraded connection has left its request, so sockets are waited for by themselves
        while connections.join_next().await.is_some() {}
        let _ = shared.sockets.acquire_many(sockets).await;
    });
    if ended.await.is_err() {
        let open = connections.len();
        warn!(open, websockets = shared.sockets_open(), "connections were cut off at the end of the grace period");
    }
    // what is left ends by itself, as an answer may still be on its way
    connections.detach_all();
}

/// Says so, as far as the system takes it at once, and hangs up.
fn refuse(stream: &TcpStream) {
    telemetry::HTTP_REFUSALS.add(1);
    let told = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if let Err(error) = stream.try_write(told) {
        debug!(%error, "a connection was refused without a word");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, held: Arc<Held>, service: Router, cancel: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection keeps its delay");
    }
    let place = Arc::clone(&held);
    let with_peer = hyper::service::service_fn(move |request: Request<Incoming>| {
        let turn = Turn::of(&place);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = service.clone().call(request);
        async move { answer.await.map(|response| response.map(|body| Body::new(Answered { body, _turn: turn }))) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let connection = connection.serve_connection(TokioIo::new(stream), with_peer).with_upgrades();
    tokio::pin!(connection);
    let first_head = tokio::time::sleep(FIRST_HEAD_TIMEOUT);
    tokio::pin!(first_head);
    let mut is_waited_for = true;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                break connection.await;
            }
            // a place that is wanted is not in use: nothing is cut off
            () = held.leave.cancelled() => return,
            () = first_head.as_mut(), if is_waited_for => {
                if !held.has_spoken() {
                    return;
                }
                is_waited_for = false;
            }
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection ended early");
    }
}

/// The body of an answer, until whose end the connection is in use.
struct Answered {
    body: Body,
    _turn: Turn,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
