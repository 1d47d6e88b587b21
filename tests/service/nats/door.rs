use bytes::Bytes;
use serde_json::json;
use tidewatch::event::Kind;
use tidewatch::nats::{Door, DoorError, Headers, Role};

use super::{connected, house, make_stream, numbered, source, until};
use crate::nats_server::NatsServer;

#[tokio::test]
async fn many_messages_are_stored_in_order_and_their_sequences_returned() {
    let (_server, nats) = house().await;
    let sequences = Door::new(&nats).publish_all((0..3_000).map(numbered)).await.unwrap();
    assert_eq!(sequences, (1..=3_000).collect::<Vec<u64>>());
    let message = nats.get_message(Role::Input, 2_500).await.unwrap().unwrap();
    assert_eq!(message.payload, "2499");
}

#[tokio::test]
async fn a_repeat_under_the_same_id_gets_the_first_sequence() {
    let (_server, nats) = house().await;
    let door = Door::new(&nats);
    let first = door.publish_all([numbered(1), numbered(2)]).await.unwrap();
    assert_eq!(door.publish_all([numbered(1)]).await.unwrap(), first[..1]);
    assert_eq!(nats.status(Role::Input).await.unwrap().messages, 2);
}

#[tokio::test]
async fn a_full_stream_a_missing_one_and_an_oversized_message_are_told_apart() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    let door = Door::new(&nats);
    let publish = async |bytes: usize| {
        let payload = Bytes::from(vec![b'x'; bytes]);
        door.publish(Kind::Log, &source(), Headers::new(), payload).await
    };
    let error = publish(10).await.unwrap_err();
    assert!(matches!(error, DoorError::NoStream { .. }) && error.is_retryable(), "{error}");

    make_stream(
        &nats,
        json!({"name": "TW_INPUT", "subjects": ["tw.in.>"], "retention": "limits", "storage": "file", "discard": "new",
            "max_bytes": 4_096, "max_msg_size": 2_000, "num_replicas": 1}),
    )
    .await;
    let error = publish(2_500).await.unwrap_err();
    assert!(matches!(error, DoorError::TooLarge { bytes: 2_500 }) && !error.is_retryable(), "{error}");
    let error = publish(3 << 20).await.unwrap_err();
    assert!(matches!(error, DoorError::TooLarge { .. }), "{error}");
    assert_eq!(publish(1_500).await.unwrap(), 1);
    assert_eq!(publish(1_500).await.unwrap(), 2);
    let error = publish(1_500).await.unwrap_err();
    assert!(matches!(error, DoorError::Full { .. }) && error.is_retryable(), "{error}");
    assert_eq!(nats.status(Role::Input).await.unwrap().last_seq, 2);
}

#[tokio::test]
async fn a_frozen_server_is_a_timeout_and_the_retry_is_stored_once() {
    let (server, nats) = house().await;
    let door = Door::new(&nats);
    let publish = async || {
        let headers = Headers::new().with("Nats-Msg-Id", "once").unwrap();
        door.publish(Kind::Log, &source(), headers, Bytes::from_static(b"{}")).await
    };
    server.freeze();
    let started = tokio::time::Instant::now();
    let error = publish().await.unwrap_err();
    assert!(matches!(error, DoorError::TimedOut { .. }) && error.is_retryable(), "{error}");
    assert!(started.elapsed() < 2 * tidewatch::nats::door::PUBLISH_DEADLINE);
    server.thaw();
    let seq = until("the retry is stored", 15, async || publish().await.ok()).await;
    assert_eq!(publish().await.unwrap(), seq);
    assert_eq!(nats.status(Role::Input).await.unwrap().messages, 1);
}

#[tokio::test]
async fn without_a_connection_nothing_is_sent_and_afterwards_it_works_again() {
    let (mut server, nats) = house().await;
    let door = Door::new(&nats);
    server.kill();
    until("the connection is seen to be gone", 10, async || (!nats.is_connected()).then_some(())).await;
    let error = door.publish_all([numbered(1)]).await.unwrap_err();
    assert!(matches!(error, DoorError::NotConnected { .. }), "{error}");
    server.restart();
    let sequences = until("publishing works again", 10, async || door.publish_all([numbered(1)]).await.ok()).await;
    assert_eq!(sequences, [1]);
}
