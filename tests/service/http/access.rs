//! Who may do what, and what a refusal looks like.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tidewatch::event::Role;
use tidewatch::http::access::{Access, TABLE};

use super::room::{ADMIN, Room};

/// An address of a route, its parameters filled in with nothing that exists.
pub fn example(path: &str) -> String {
    let filled = path.replace("{model}", "nobody").replace("{source}", "nobody").replace("{kind}", "prediction");
    filled.replace("{seq}", "999").replace("{id}", "none").replace("{job}", "1-0").replace("{*file}", "index.html")
}

#[tokio::test]
async fn every_route_admits_the_roles_of_the_table_and_no_others() {
    let room = Room::open().await;
    let mut tokens = vec![(None, None)];
    for (name, role) in [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)] {
        tokens.push((Some(role), Some(room.token(name).await.1)));
    }
    for entry in TABLE.iter() {
        for (role, token) in &tokens {
            let method = Method::from_bytes(entry.method.as_str().as_bytes()).unwrap();
            let mut request = room.bare(method, &example(&entry.path));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let context = format!("{} {} as {role:?}", entry.method, entry.path);
            match (entry.access, role) {
                (Access::Public, _) => assert!(status != 401 && status != 403, "{context}: {status}"),
                (Access::From(_), None) => assert_eq!(status, 401, "{context}"),
                (Access::From(least), Some(role)) if role < &least => assert_eq!(status, 403, "{context}"),
                (Access::From(_), Some(role)) => {
                    assert!(status != 401 && status != 403, "{context}: {status}");
                    if status.is_success() {
                        assert_eq!(answer.headers()["tidewatch-role"], format!("{role:?}").to_lowercase(), "{context}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn commands_need_an_admin_and_nobody_publishes_for_the_server() {
    let room = Room::open().await;
    let (_, operator) = room.token("operator").await;
    let publish = async |kind: &str, token: &str| {
        let body = json!({"command": "create_token", "id": "x", "name": "x", "role": "admin", "hash": "0".repeat(64)});
        let request = room.bare(Method::POST, &format!("/api/v1/publish/{kind}/test")).bearer_auth(token).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(publish("command", &operator).await, 403);
    assert_eq!(publish("command", ADMIN).await, 202);
    for kind in ["tick", "outcome"] {
        assert_eq!(publish(kind, ADMIN).await, 403);
    }
    assert_eq!(publish("nonsense", ADMIN).await, 400);
}

#[tokio::test]
async fn a_refusal_is_a_problem_document_that_says_how_to_come_in() {
    let room = Room::open().await;
    let response = room.bare(Method::GET, "/api/v1/models").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["instance"]), (&json!(401), &json!("/api/v1/models")));
    assert_eq!(problem["type"], "urn:tidewatch:problem:unauthorized");
}

#[tokio::test]
async fn errors_of_every_layer_have_the_one_shape() {
    let room = Room::open().await;
    let json = "application/json";
    let big = "x".repeat(3 << 20);
    for (method, path, body, expected) in [
        (Method::GET, "/api/v1/nothing", "", 404),
        (Method::GET, "/api/v1/models/nobody", "", 404),
        (Method::GET, "/api/v1/models?limit=0", "", 400),
        (Method::GET, "/api/v1/models?limit=-1", "", 400),
        (Method::GET, "/api/v1/models?cursor=%20", "", 400),
        (Method::GET, "/api/v1/models?status=fine", "", 400),
        (Method::GET, "/api/v1/models/%FF", "", 400),
        (Method::GET, "/api/v1/rejected/x", "", 400),
        (Method::GET, "/api/v1/rejected?cursor=00", "", 400),
        (Method::GET, "/api/ai/monitoring/performance", "", 400),
        (Method::DELETE, "/api/v1/models", "", 405),
        (Method::PUT, "/api/v1/thresholds", "{", 400),
        (Method::PUT, "/api/v1/thresholds", "{}", 422),
        (Method::PUT, "/api/v1/thresholds", r#"{"accuracy_threshold":2}"#, 422),
        (Method::PUT, "/api/v1/thresholds", r#"{"acuracy_threshold":0.5}"#, 422),
        (Method::POST, "/api/v1/tokens", r#"{"name":"","role":"viewer"}"#, 422),
        (Method::POST, "/api/v1/tokens", r#"{"name":"x","role":"god"}"#, 422),
        (Method::POST, "/api/v1/publish/prediction/a.b", "{}", 400),
        (Method::POST, "/api/v1/publish/prediction/a?wait=long", "{}", 400),
        (Method::POST, "/api/v1/publish/prediction/a", "nonsense", 422),
        (Method::POST, "/api/v1/publish/prediction/a", &big, 413),
        (Method::DELETE, "/api/v1/tokens/none", "", 404),
        (Method::GET, "/ws", "", 400),
    ] {
        let request = room.request(method.clone(), path).header("Content-Type", json).body(body.to_owned());
        let response = request.send().await.unwrap();
        let (status, kind) = (response.status().as_u16(), response.headers()["content-type"].clone());
        assert_eq!(response.headers()["cache-control"], "no-store", "{method} {path}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!((status, kind.to_str().unwrap()), (expected, "application/problem+json"), "{method} {path}: {problem}");
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["status"] == expected, "{problem}");
    }
    let response = room.request(Method::DELETE, "/api/v1/thresholds").send().await.unwrap();
    let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
    assert!(["GET", "PUT", "HEAD"].iter().all(|method| allowed.contains(method)), "{allowed}");
}

#[tokio::test]
async fn a_parameter_that_a_route_does_not_know_is_refused_with_those_it_knows() {
    let room = Room::open().await;
    for entry in TABLE.iter().filter(|entry| !entry.path.starts_with("/docs") && !entry.path.starts_with("/api/ai/")) {
        let method = Method::from_bytes(entry.method.as_str().as_bytes()).unwrap();
        let answer = room.request(method, &format!("{}?limt=5", example(&entry.path))).send().await.unwrap();
        let (status, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (400, &json!("urn:tidewatch:problem:unknown-parameter")),
            "{}",
            entry.path
        );
    }
    let problem: Value = room.get("/api/v1/models?page=2").await.json().await.unwrap();
    let known: Vec<&str> = problem["known"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(["limit", "cursor", "status", "q"].iter().all(|name| known.contains(name)), "{problem}");
}

#[tokio::test]
async fn too_many_wrong_tokens_make_a_peer_wait_and_lock_nobody_else_out() {
    let room = Room::open().await;
    let (_, viewer) = room.token("viewer").await;
    let with = async |token: &str| room.bare(Method::GET, "/api/v1/state").bearer_auth(token).send().await.unwrap();
    let (id, revoked) = room.token("viewer").await;
    room.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), json!(null)).await;
    for round in 0..40 {
        assert_eq!(
            with(&format!("wrong {}", round % 20)).await.status(),
            401,
            "one that repeats itself is mistaken, not guessing"
        );
        assert_eq!(with(&revoked).await.status(), 401);
    }
    let response = with("another").await;
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(with(ADMIN).await.status(), 200, "only what is wrong is braked");
    assert_eq!(with(&viewer).await.status(), 200);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_is_braked_for_itself() {
    let room = Room::open_with(|app| app.settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let with = async |token: &str, client: &str| {
        let request = room.bare(Method::GET, "/api/v1/state").bearer_auth(token).header("X-Forwarded-For", client);
        request.send().await.unwrap().status().as_u16()
    };
    for round in 0..20 {
        assert_eq!(with(&format!("wrong {round}"), "203.0.113.7").await, 401);
    }
    assert_eq!(with("another", "192.0.2.1, 203.0.113.7").await, 429, "what the client itself writes before it does not count");
    assert_eq!(with("another", "203.0.113.8").await, 401);
}

#[tokio::test]
async fn a_token_is_shown_once_and_worth_nothing_when_revoked() {
    let room = Room::open().await;
    let (id, token) = room.token("viewer").await;
    let with = async || room.bare(Method::GET, "/api/v1/state").bearer_auth(&token).send().await.unwrap().status();
    assert_eq!(with().await, 200);
    let list = room.get("/api/v1/tokens").await.text().await.unwrap();
    assert!(list.contains(&id) && !list.contains(&token));
    let (status, answer) = room.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), json!(null)).await;
    assert_eq!((status, answer), (200, json!({"revoked": id})));
    assert_eq!(with().await, 401);
    assert_eq!(room.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), json!(null)).await.0, 404);
}

#[tokio::test]
async fn while_the_log_is_read_anew_no_token_of_the_log_counts() {
    let room = Room::open().await;
    let (_, token) = room.token("admin").await;
    let with = async || room.bare(Method::GET, "/api/v1/state").bearer_auth(&token).send().await.unwrap();
    room.log.send_modify(|log| log.start_seq = 1_000);
    let response = with().await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert!(response.text().await.unwrap().contains("of 1000"));
    assert_eq!(room.get("/api/v1/state").await.status(), 200, "the configured token is not the log's to revoke");
    room.log.send_modify(|log| log.start_seq = 0);
    assert_eq!(with().await.status(), 200);
}

#[tokio::test]
async fn pages_carry_a_policy_that_allows_nothing_inline_and_nothing_foreign() {
    let room = Room::open().await;
    let response = room.bare(Method::GET, "/").header("Accept", "text/html").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(response.text().await.unwrap().contains("Tidewatch"));
    let docs = room.bare(Method::GET, "/docs/").send().await.unwrap();
    assert_eq!(docs.status(), 200);
    assert!(!docs.headers()["content-security-policy"].to_str().unwrap().contains("http"));
    assert!(docs.text().await.unwrap().contains("swagger"));
    assert_eq!(room.bare(Method::GET, "/docs/swagger-ui-bundle.js").send().await.unwrap().status(), 200);
    for path in ["/models/fraud", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"] {
        let page = room.bare(Method::GET, path).header("Accept", "text/html").send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        assert!(!page.text().await.unwrap().contains("root:"), "{path}");
    }
    assert_eq!(room.bare(Method::GET, "/assets/none.js").send().await.unwrap().status(), 404);
    assert_eq!(room.bare(Method::POST, "/").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn pages_of_other_origins_are_let_in_only_where_it_is_configured() {
    let preflight = async |room: &Room| {
        let request = room.bare(Method::OPTIONS, "/api/v1/models").header("Origin", "https://grafana.example");
        request.header("Access-Control-Request-Method", "GET").send().await.unwrap()
    };
    let room = Room::open().await;
    assert!(preflight(&room).await.headers().get("access-control-allow-origin").is_none());
    let room = Room::open_with(|app| app.settings.cors_origins = vec!["https://grafana.example".to_owned()]).await;
    let response = preflight(&room).await;
    assert_eq!(
        (response.status(), &response.headers()["access-control-allow-origin"]),
        (StatusCode::OK, &"https://grafana.example".parse().unwrap())
    );
}
