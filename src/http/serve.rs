//! Connections: accepted, bounded, timed, and closed in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::{debug, warn};

use crate::http::router::routed;
use crate::http::shared::{App, Shared};

/// Connections beside those of WebSockets; full: the next waits in the kernel's queue until one ends.
const REQUEST_CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take over the head of a request, and how long a connection may idle between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
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
    let connections = Arc::new(Semaphore::new(connections_max));
    let service = routed(&shared);
    let follower = Arc::clone(&shared);
    tokio::spawn(cancel.clone().run_until_cancelled_owned(async move {
        follower.log_clock.follow(follower.app.view.clone(), follower.app.log.clone()).await;
    }));
    loop {
        let turn = Arc::clone(&connections).acquire_owned();
        // cancel-safe: a connection that is not accepted here stays in the kernel's queue
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = async { (turn.await, listener.accept().await) } => accepted,
        };
        match accepted {
            (Ok(turn), Ok((stream, peer))) => {
                let (service, cancel) = (service.clone(), cancel.clone());
                tokio::spawn(async move {
                    connection(stream, peer, service, cancel).await;
                    drop(turn);
                });
            }
            (_, Err(error)) => {
                warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_REST).await;
            }
            (Err(_closed), _) => break,
        }
    }
    drop(listener);
    let every = u32::try_from(connections_max).unwrap_or(u32::MAX);
    let sockets = u32::try_from(shared.app.settings.websockets_max).unwrap_or(u32::MAX);
    let ended = timeout(GRACE, async {
        // an upgraded connection has left its request, so sockets are waited for by themselves
        let _ = connections.acquire_many(every).await;
        let _ = shared.sockets.acquire_many(sockets).await;
    });
    if ended.await.is_err() {
        let open = connections_max - connections.available_permits();
        warn!(open, websockets = shared.sockets_open(), "connections were cut off at the end of the grace period");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, service: Router, cancel: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection keeps its delay");
    }
    let with_peer = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        service.clone().call(request)
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    let connection = connection.serve_connection(TokioIo::new(stream), with_peer).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, %error, "a connection ended early");
    }
}
