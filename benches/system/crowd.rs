//! What everybody else waits for while one address holds more connections than there are places, and says nothing on them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::log::Log;
use crate::product::{Product, TOKEN};
use crate::{load, share, verdict};

const IDLE: usize = 2_600;
/// How long somebody else asks: silent connections are closed after five seconds.
const HELD: Duration = Duration::from_secs(8);
/// Between two questions.
const BETWEEN: Duration = Duration::from_millis(2);
/// Between being closed and coming again.
const PAUSE: Duration = Duration::from_secs(2);
const P99_MS_MAX: f64 = 100.0;
/// An address of the loopback network for the crowd, and one for everybody else.
const CROWD: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What those of the crowd do whom the server has closed.
#[derive(Clone, Copy)]
enum Closed {
    /// Nothing: they were idle.
    Stays,
    /// They connect again after a pause, and are silent again.
    ComesAgain(Duration),
}

/// A crowd that holds on and says nothing, and one that comes again as clients do that try for ever.
pub async fn beside_silent_connections() {
    let log = Log::empty().await;
    let product = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    let address: SocketAddr = product.url.trim_start_matches("http://").parse().expect("an address");
    for (closed, told) in
        [(Closed::Stays, "idle"), (Closed::ComesAgain(PAUSE), "coming again two seconds after they were closed")]
    {
        for (path, token) in [("/healthz", false), ("/api/v1/models", true)] {
            let mut crowd = JoinSet::new();
            (0..share(IDLE)).for_each(|_| drop(crowd.spawn(hold_on(address, closed))));
            let waits = waits(address, path, token).await;
            let quantile = |q: f64| waits[((waits.len() - 1) as f64 * q) as usize];
            let p99 = quantile(0.99);
            println!(
                "crowd: {} silent connections of one address, {told}; {} times {path} from another, each over a connection of its own: p50 {:.2} ms, \
                 p99 {p99:.2} ms (target {P99_MS_MAX}): {}, most {:.1} ms; load {}",
                share(IDLE),
                waits.len(),
                quantile(0.5),
                verdict(p99 < P99_MS_MAX),
                quantile(1.0),
                load()
            );
            crowd.shutdown().await;
        }
    }
}

/// How long each of many questions waits while the crowd comes and holds on: from the first of its connections on, until none that only holds on
/// could be left.
async fn waits(address: SocketAddr, path: &str, token: bool) -> Vec<f64> {
    let begun = Instant::now();
    let mut waits = Vec::new();
    while begun.elapsed() < HELD {
        waits.push(wait(address, path, token).await);
        tokio::time::sleep(BETWEEN).await;
    }
    waits.sort_by(f64::total_cmp);
    waits
}

async fn connect(address: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(address).await
}

async fn hold_on(address: SocketAddr, closed: Closed) {
    loop {
        if let Ok(mut silent) = connect(address, CROWD).await {
            // until the server closes it
            drop(silent.read(&mut [0; 16]).await);
        }
        match closed {
            Closed::Stays => return,
            Closed::ComesAgain(pause) => tokio::time::sleep(pause).await,
        }
    }
}

/// Milliseconds from connecting to the last byte of the answer.
async fn wait(address: SocketAddr, path: &str, token: bool) -> f64 {
    let begun = Instant::now();
    let mut stream = connect(address, OTHERS).await.expect("it listens");
    let who = if token { format!("Authorization: Bearer {TOKEN}\r\n") } else { String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{who}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    begun.elapsed().as_secs_f64() * 1e3
}
