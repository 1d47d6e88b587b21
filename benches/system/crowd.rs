//! What everybody else waits for while one address holds more connections than there are places, and says nothing on them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::log::Log;
use crate::product::{Product, TOKEN};
use crate::{load, share, verdict};

const IDLE: usize = 2_600;
const ASKED: usize = 2_000;
const P99_MS_MAX: f64 = 100.0;
/// An address of the loopback network for the crowd, and one for everybody else.
const CROWD: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHERS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// 2,600 silent connections, kept up: one that is closed is opened again at once.
pub async fn beside_silent_connections() {
    let log = Log::empty().await;
    let product = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    let address: SocketAddr = product.url.trim_start_matches("http://").parse().expect("an address");
    let crowd: Vec<_> = (0..share(IDLE)).map(|_| tokio::spawn(hold_on(address))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (path, token) in [("/healthz", false), ("/api/v1/models", true)] {
        let mut waits = Vec::new();
        for _ in 0..share(ASKED) {
            waits.push(wait(address, path, token).await);
        }
        waits.sort_by(f64::total_cmp);
        let quantile = |q: f64| waits[((waits.len() - 1) as f64 * q) as usize];
        let p99 = quantile(0.99);
        println!(
            "crowd: {} silent connections of one address; {path} from another, each over a connection of its own: p50 {:.2} ms, p99 {p99:.2} ms \
             (target {P99_MS_MAX}): {}, most {:.1} ms; load {}",
            crowd.len(),
            quantile(0.5),
            verdict(p99 < P99_MS_MAX),
            quantile(1.0),
            load()
        );
    }
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn connect(address: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(address).await
}

async fn hold_on(address: SocketAddr) {
    loop {
        match connect(address, CROWD).await {
            Ok(mut silent) => drop(silent.read(&mut [0; 16]).await),
            // no port is free for a moment
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
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
