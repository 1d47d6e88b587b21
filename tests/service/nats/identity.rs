//! Who we are to a server: every way to say it, against servers that insist on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use nkeys::KeyPair;
use serde_json::{Value, json};
use tidewatch::nats::{Auth, ConnectConfig, ConnectError, Nats, Tls, connect};

use super::root;
use crate::nats_server::NatsServer;

async fn at(url: String, change: impl FnOnce(&mut ConnectConfig)) -> Result<Nats, ConnectError> {
    let mut config = ConnectConfig::new(vec![url], root());
    config.patience = std::time::Duration::from_secs(1);
    change(&mut config);
    connect(config).await
}

/// The address with `user` before its host.
fn named(server: &NatsServer, user: &str) -> String {
    server.url().replace("://", &format!("://{user}@"))
}

#[tokio::test]
async fn a_user_and_password_in_the_address_are_sent_and_a_wrong_one_is_refused() {
    let server =
        NatsServer::start_with("jetstream { store_dir: \"STORE\" }\nauthorization { user: me, password: \"p@ss/w:rd\" }");
    for address in ["me:p%40ss%2Fw%3Ard", "me:p@ss/w:rd"] {
        at(named(&server, address), |_| {}).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    let auth = Auth::User { user: "me".into(), password: "p@ss/w:rd".into() };
    at(named(&server, "someone:else"), |config| config.auth = auth).await.expect("what is said apart goes first");
    for address in [named(&server, "me:wrong"), server.url()] {
        let refused = at(address, |_| {}).await.unwrap_err();
        assert!(matches!(refused, ConnectError::Refused { .. }), "{refused}");
        assert!(!format!("{refused:?}").contains("wrong"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_address_or_apart() {
    let server = NatsServer::start_with("jetstream { store_dir: \"STORE\" }\nauthorization { token: \"s3cr3t\" }");
    at(named(&server, "s3cr3t"), |_| {}).await.unwrap();
    at(server.url(), |config| config.auth = Auth::Token("s3cr3t".into())).await.unwrap();
    assert!(matches!(at(named(&server, "guess"), |_| {}).await, Err(ConnectError::Refused { .. })));
}

#[tokio::test]
async fn an_nkey_signs_what_the_server_asks() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (KeyPair::new_user(), KeyPair::new_user());
    let seed = |key: &KeyPair, name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("# a seed\n{}\n", key.seed().unwrap())).unwrap();
        path
    };
    let lines =
        "jetstream { store_dir: \"STORE\" }\nauthorization { users: [{ nkey: KEY }] }".replace("KEY", &ours.public_key());
    let server = NatsServer::start_with(&lines);
    at(server.url(), |config| config.auth = Auth::Nkey(seed(&ours, "ours"))).await.unwrap();
    let refused = at(server.url(), |config| config.auth = Auth::Nkey(seed(&other, "other"))).await;
    assert!(matches!(refused, Err(ConnectError::Refused { .. })));
    let missing = at(server.url(), |config| config.auth = Auth::Nkey(folder.path().join("none"))).await;
    assert!(matches!(missing, Err(ConnectError::Secret { .. })));
}

#[tokio::test]
async fn a_credentials_file_of_an_operator_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (operator, system, account, user) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account(), KeyPair::new_user());
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1});
    let system_limits =
        json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1});
    let of_operator =
        jwt(&operator, &operator, json!({"type": "operator", "version": 2, "system_account": system.public_key()}));
    let of_system = jwt(&operator, &system, json!({"type": "account", "version": 2, "limits": system_limits}));
    let of_account = jwt(&operator, &account, json!({"type": "account", "version": 2, "limits": limits}));
    let of_user = jwt(&account, &user, json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}));
    let lines = format!(
        "jetstream {{ store_dir: \"STORE\" }}\noperator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {of_system}, {}: {of_account} }}",
        system.public_key(),
        system.public_key(),
        account.public_key(),
    );
    let server = NatsServer::start_with(&lines);
    let creds = folder.path().join("user.creds");
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    std::fs::write(&creds, text).unwrap();
    at(server.url(), |config| config.auth = Auth::Creds(creds)).await.unwrap();
    assert!(matches!(at(server.url(), |_| {}).await, Err(ConnectError::Refused { .. })));
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_whose_authority_is_known_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [ca, cert, key, client, client_key] = certificates(folder.path());
    let file = |path: &Path| path.display().to_string();
    let tls = format!(
        "jetstream {{ store_dir: \"STORE\" }}\ntls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}",
        file(&cert),
        file(&key),
        file(&ca)
    );
    let server = NatsServer::start_with(&tls);
    let address = server.url().replace("nats://127.0.0.1", "tls://localhost");
    let known = Tls { ca: Some(ca.clone()), client: Some((client, client_key)), first: false };
    at(address.clone(), |config| config.tls = known.clone()).await.unwrap();
    at(server.url(), |config| config.tls = known).await.expect("the server asks for it");
    let no_certificate = Tls { ca: Some(ca), ..Tls::default() };
    let refused = at(address.clone(), |config| config.tls = no_certificate).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Tls { .. }), "{refused}");
    let unknown = at(address, |_| {}).await.unwrap_err();
    assert!(matches!(unknown, ConnectError::Tls { .. }) && unknown.to_string().contains("authority"), "{unknown}");
}

/// `subject` as `issuer` vouches for it: a JWT as NATS has them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let part = |value: Value| base64url(value.to_string().as_bytes());
    let claims = json!({"jti": "test", "iat": 1_767_225_600, "iss": issuer.public_key(), "name": "test", "sub": subject.public_key(), "nats": nats});
    let signed = format!("{}.{}", part(json!({"typ": "JWT", "alg": "ed25519-nkey"})), part(claims));
    let signature = base64url(&issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        text.extend((0..=chunk.len()).map(|place| char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63])));
    }
    text
}

/// An authority, and what it has signed: a server's certificate and key, a client's certificate and key.
fn certificates(folder: &Path) -> [PathBuf; 5] {
    let path = |name: &str| folder.join(name);
    let openssl = |args: &[&str]| {
        let done = Command::new("openssl").args(args).current_dir(folder).output().expect("openssl is installed");
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl(
        &[&["req", "-x509", "-subj", "/CN=authority", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"], &ec[..]].concat(),
    );
    std::fs::write(path("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    for name in ["server", "client"] {
        let (key, request, signed) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        openssl(&[&["req", "-subj", &subject, "-keyout", &key, "-out", &request], &ec[..]].concat());
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "names",
            "-out",
            &signed,
        ]);
    }
    ["ca.pem", "server.pem", "server.key", "client.pem", "client.key"].map(path)
}
