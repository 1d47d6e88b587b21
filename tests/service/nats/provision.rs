use serde_json::json;
use tidewatch::nats::provision::{self, ProvisionError};
use tidewatch::nats::{Auth, ConnectConfig, ConnectError, Role, connect, context};

use super::{connected, house, make_stream, root};
use crate::nats_server::NatsServer;

#[tokio::test]
async fn streams_are_made_once_and_found_as_declared_the_second_time() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    let first = provision::provision(&nats).await.unwrap();
    assert_eq!(first.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["TW_INPUT", "TW_FACTS", "TW_JOBS"]);
    assert!(first.iter().all(|stream| stream.is_new));
    let second = provision::provision(&nats).await.unwrap();
    assert!(second.iter().all(|stream| !stream.is_new));
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first.differences, second.differences);
        assert_eq!(first.status, second.status);
        assert!(second.differences.iter().all(|difference| difference.field == "max_bytes"), "{:?}", second.differences);
    }
}

#[tokio::test]
async fn a_stream_with_other_settings_is_shown_and_left_alone() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    let settings = json!({"name": "TW_INPUT", "subjects": ["tw.in.>", "other.>"], "retention": "limits", "storage": "file",
        "discard": "old", "num_replicas": 1, "max_age": 3_600_000_000_000_u64, "deny_delete": true, "allow_rollup_hdrs": true});
    make_stream(&nats, settings).await;
    for _ in 0..2 {
        let streams = provision::provision(&nats).await.unwrap();
        let differences = &streams[0].differences;
        let fields: Vec<&str> = differences.iter().map(|difference| difference.field.as_str()).collect();
        for field in ["subjects", "discard", "max_age", "allow_rollup_hdrs", "max_bytes", "max_msg_size"] {
            assert!(fields.contains(&field), "{field} is missing in {fields:?}");
        }
        assert!(!fields.contains(&"deny_delete") && !fields.contains(&"storage"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_server_with_little_storage_gets_smaller_streams_and_we_say_so() {
    let server = NatsServer::start_with("jetstream { store_dir: \"STORE\", max_file_store: 3GB }");
    let nats = connected(&server.url()).await;
    let streams = provision::provision(&nats).await.unwrap();
    let input = streams[0].differences.iter().find(|difference| difference.field == "max_bytes").unwrap();
    assert_eq!(input.wanted, json!(68_719_476_736_u64));
    assert_eq!(input.actual, json!(2_147_483_648_u64), "the largest half of a half that fits beside the others");
}

#[tokio::test]
async fn a_small_server_holds_all_streams_and_the_log_gets_the_most() {
    let server = NatsServer::start_with("jetstream { store_dir: \"STORE\", max_file_store: 230MB }");
    let nats = connected(&server.url()).await;
    let streams = provision::provision(&nats).await.unwrap();
    let sizes: Vec<u64> = streams.iter().map(|stream| stream.status.max_bytes.unwrap() >> 20).collect();
    assert_eq!(sizes[0], 128, "{sizes:?}");
    assert!(16 <= sizes[1] && 16 <= sizes[2] && sizes.iter().sum::<u64>() <= 230, "{sizes:?}");
}

#[tokio::test]
async fn a_server_without_room_is_an_error_that_says_what_to_do() {
    let server = NatsServer::start_with("jetstream { store_dir: \"STORE\", max_file_store: 10MB }");
    let nats = connected(&server.url()).await;
    let error = provision::provision(&nats).await.unwrap_err();
    assert!(matches!(error, ProvisionError::NoRoom { .. }), "{error}");
    assert!(error.to_string().contains("max_file_store"), "{error}");
}

#[tokio::test]
async fn subjects_that_another_stream_takes_are_an_error_that_names_them() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    make_stream(
        &nats,
        json!({"name": "ALL", "subjects": ["tw.>"], "retention": "limits", "storage": "file", "num_replicas": 1}),
    )
    .await;
    let error = provision::provision(&nats).await.unwrap_err();
    assert!(matches!(error, ProvisionError::SubjectsTaken { .. }), "{error}");
}

#[tokio::test]
async fn a_message_is_got_back_as_it_was_stored() {
    let (_server, nats) = house().await;
    let payload = bytes::Bytes::from_static(b"\x00\xff not text");
    let headers = tidewatch::nats::Headers::new().with("Content-Type", "application/msgpack").unwrap();
    let door = tidewatch::nats::Door::new(&nats);
    let seq = door.publish(tidewatch::event::Kind::Label, &super::source(), headers, payload.clone()).await.unwrap();
    let message = nats.get_message(Role::Input, seq).await.unwrap().unwrap();
    assert_eq!((message.seq, message.subject.as_str(), message.payload), (1, "tw.in.label.test", payload));
    assert_eq!(message.headers.get("Content-Type").unwrap().as_str(), "application/msgpack");
    assert!(nats.get_message(Role::Input, 2).await.unwrap().is_none());
    let status = nats.status(Role::Input).await.unwrap();
    assert_eq!((status.first_seq, status.last_seq, status.messages), (1, 1, 1));
    assert!(status.created <= message.stored_at);
}

#[tokio::test]
async fn a_context_of_the_nats_cli_connects_and_wrong_credentials_are_told_apart_from_no_server() {
    let server = NatsServer::start_with(
        "jetstream { store_dir: \"STORE\" }\nauthorization { users: [{user: \"me\", password: \"s3cret\"}] }",
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("context")).unwrap();
    std::fs::write(directory.path().join("context.txt"), "here").unwrap();
    let json = json!({"url": server.url(), "user": "me", "password": "s3cret"}).to_string();
    std::fs::write(directory.path().join("context/here.json"), json).unwrap();
    let config = context::load(directory.path(), None, root()).unwrap();
    assert!(connect(config.clone()).await.unwrap().is_connected());

    let wrong = Auth::User { user: "me".into(), password: "guess".into() };
    let error = connect(ConnectConfig { auth: wrong, ..config }).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = ConnectConfig::new(vec![format!("nats://u:pw@{nobody}")], root());
    config.patience = std::time::Duration::from_millis(200);
    let error = connect(config).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&nobody.to_string()) && !error.to_string().contains("pw"), "{error}");
}

#[tokio::test]
async fn a_server_without_jetstream_is_an_error_that_says_so() {
    let server = NatsServer::start_with("");
    let mut config = ConnectConfig::new(vec![server.url()], root());
    config.patience = std::time::Duration::from_millis(200);
    let error = connect(config).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoJetStream { .. }), "{error}");
}
