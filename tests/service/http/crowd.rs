//! Many connections that only hold on: nobody who asks something waits for them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::room::Room;

/// More than there are places.
const IDLE: usize = 2_600;
const ASKED: usize = 200;
/// Nobody waits until the silent ones are closed, which takes seconds. What is promised, 100 ms for 99 of 100, `ops/bench system crowd` measures.
const LONGEST: Duration = Duration::from_secs(2);

async fn connect(room: &Room, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    socket.connect(room.address).await.unwrap()
}

/// The longest wait of new connections from there for the answer to one request.
async fn longest_wait(room: &Room, from: Ipv4Addr) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..ASKED {
        let begun = Instant::now();
        let mut stream = connect(room, from).await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        longest = longest.max(begun.elapsed());
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_of_one_address_keep_nobody_waiting() {
    let room = Room::open().await;
    let crowd = Ipv4Addr::new(127, 0, 0, 1);
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(connect(&room, crowd).await);
    }
    for from in [Ipv4Addr::new(127, 0, 0, 2), crowd] {
        let longest = longest_wait(&room, from).await;
        assert!(longest < LONGEST, "from {from}: {longest:?}");
    }
    drop(idle);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_within_seconds() {
    let room = Room::open().await;
    let mut silent = connect(&room, Ipv4Addr::LOCALHOST).await;
    let begun = Instant::now();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
