//! What a user of NATS may do and may not: the whole process against a server that guards itself.

use crate::house::{Plan, log_tail};
use crate::nats_server::NatsServer;

/// Each user may do what Tidewatch needs, less what is named.
const GUARDED: &str = r#"
jetstream { store_dir: "STORE" }
authorization {
  users: [
    { user: all, password: s3cr3t }
    { user: no_info, password: s3cr3t, permissions: { publish: { deny: ["$JS.API.INFO"] }, subscribe: { allow: [">"] } } }
    { user: listed, password: s3cr3t, permissions: {
        publish: { allow: ["tw.>", "$JS.API.STREAM.>", "$JS.API.CONSUMER.>", "$JS.API.DIRECT.>", "$JS.ACK.>", "_INBOX.>"] }, subscribe: { allow: [">"] } } }
    { user: no_stream_info, password: s3cr3t, permissions: { publish: { deny: ["$JS.API.STREAM.INFO.TW_INPUT"] }, subscribe: { allow: [">"] } } }
    { user: no_create, password: s3cr3t, permissions: { publish: { deny: ["$JS.API.STREAM.CREATE.>"] }, subscribe: { allow: [">"] } } }
    { user: no_consumer, password: s3cr3t, permissions: { publish: { deny: ["$JS.API.CONSUMER.CREATE.>"] }, subscribe: { allow: [">"] } } }
    { user: no_next, password: s3cr3t, permissions: { publish: { deny: ["$JS.API.CONSUMER.MSG.NEXT.>"] }, subscribe: { allow: [">"] } } }
    { user: no_tick, password: s3cr3t, permissions: { publish: { deny: ["tw.in.tick.>"] }, subscribe: { allow: [">"] } } }
    { user: no_facts, password: s3cr3t, permissions: { publish: { deny: ["tw.out.>"] }, subscribe: { allow: [">"] } } }
    { user: no_inbox, password: s3cr3t, permissions: { publish: { allow: [">"] }, subscribe: { allow: ["tw.>"] } } }
  ]
}"#;

/// The address with a user and the password before its host.
fn address(server: &NatsServer, user: &str) -> String {
    server.url().replace("://", &format!("://{user}:s3cr3t@"))
}

#[tokio::test]
async fn a_user_with_what_is_needed_gets_ready_and_the_password_is_never_shown() {
    let by_token = "jetstream { store_dir: \"STORE\" }\nauthorization { token: \"s3cr3t\" }";
    for (lines, user) in
        [(GUARDED, "all:s3cr3t"), (GUARDED, "no_info:s3cr3t"), (GUARDED, "listed:s3cr3t"), (by_token, "s3cr3t")]
    {
        let server = NatsServer::start_with(lines);
        let data = tempfile::tempdir().unwrap();
        let args = ["--no-demo", "--no-agent", "--log", "trace"];
        let address = server.url().replace("://", &format!("://{user}@"));
        let house = Plan::on(&address, data.path()).with_args(&args).open();
        let body = r#"{"model":"m","prediction":"a"}"#.to_owned();
        let (status, answer) = house.send(reqwest::Method::POST, "/api/v1/publish/prediction/p?wait=applied", body).await;
        assert_eq!(status, 200, "{user}: {answer}: {}", log_tail(data.path()));
        assert!(house.get("/ready").await.is_some(), "{user}: {}", log_tail(data.path()));
        assert!(house.stop().success());
        let log = std::fs::read_to_string(data.path().join("test.log")).unwrap();
        assert!(log.contains("listening") && log.contains("async_nats"), "the library's own words are there");
        assert!(!log.contains("s3cr3t"), "{user}: the password is in the log");
    }
}

#[test]
fn a_permission_that_is_missing_ends_the_process_with_exit_code_4_in_the_server_s_own_words() {
    let server = NatsServer::start_with(GUARDED);
    for (user, named) in [
        ("no_create", "Publish to \"$JS.API.STREAM.CREATE."),
        ("no_stream_info", "Publish to \"$JS.API.STREAM.INFO.TW_INPUT\""),
        ("no_consumer", "Publish to \"$JS.API.CONSUMER.CREATE.TW_INPUT"),
        ("no_next", "Publish to \"$JS.API.CONSUMER.MSG.NEXT.TW_INPUT"),
        ("no_tick", "Publish to \"tw.in.tick.tidewatch\""),
        ("no_facts", "Publish to \"tw.out."),
        ("no_inbox", "Subscription to \"_INBOX."),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut child = Plan::on(&address(&server, user), data.path()).spawn();
        let status = child.wait().unwrap();
        let log = log_tail(data.path());
        assert_eq!(status.code(), Some(4), "{user}: {log}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.contains("Permissions Violation for") && last.contains(named), "{user}: {log}");
        assert!(!log.contains("s3cr3t"), "{user}: {log}");
    }
}
