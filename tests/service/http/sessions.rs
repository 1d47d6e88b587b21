//! Signing in once: a token or a link becomes a session of a browser, which is bound to its token.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::room::{ADMIN, PATIENCE, Room};

async fn sign_in(room: &Room, body: Value) -> Response {
    room.bare(Method::POST, "/api/v1/session").json(&body).send().await.unwrap()
}

/// The cookie of an answer, as it is sent back.
fn cookie(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

async fn status(room: &Room, method: Method, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request = headers.iter().fold(room.bare(method, path), |request, (name, value)| request.header(*name, *value));
    request.json(&json!({"accuracy_threshold": 0.5})).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_cookie_that_no_script_reads_and_no_other_site_sends() {
    let room = Room::open().await;
    let signed_in = sign_in(&room, json!({"token": ADMIN})).await;
    let header = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert_eq!(signed_in.status(), 201);
    assert!(["HttpOnly", "SameSite=Strict", "Path=/;", "Max-Age=604800"].iter().all(|part| header.contains(part)), "{header}");
    assert!(!header.contains("Secure") && !header.contains(ADMIN), "{header}");
    let cookie = cookie(&signed_in);
    assert_eq!(status(&room, Method::GET, "/api/v1/tokens", &[("cookie", &cookie)]).await, 200);
    let who: Value =
        room.bare(Method::GET, "/api/v1/session").header("cookie", &cookie).send().await.unwrap().json().await.unwrap();
    assert_eq!((&who["role"], &who["token_id"]), (&json!("admin"), &Value::Null));

    let request = room.bare(Method::POST, "/api/v1/session").json(&json!({"token": ADMIN}));
    let behind = request
        .header("X-Forwarded-Prefix", "/tidewatch")
        .header("Origin", "https://x")
        .header("Sec-Fetch-Site", "same-origin");
    let header = behind.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(header.contains("Path=/tidewatch/;") && header.ends_with("Secure"), "{header}");

    assert_eq!(sign_in(&room, json!({"token": "wrong"})).await.status(), 401);
    assert_eq!(sign_in(&room, json!({"code": "wrong"})).await.status(), 401);
    assert_eq!(sign_in(&room, json!({})).await.status(), 422);
    assert_eq!(sign_in(&room, json!({"token": "a", "code": "b"})).await.status(), 422);
}

#[tokio::test]
async fn with_a_cookie_only_our_own_pages_change_anything() {
    let room = Room::open().await;
    let cookie = cookie(&sign_in(&room, json!({"token": ADMIN})).await);
    let own = format!("http://{}", room.address);
    let change = async |headers: &[(&str, &str)]| {
        let headers = [headers, &[("cookie", cookie.as_str())]].concat();
        status(&room, Method::PUT, "/api/v1/thresholds", &headers).await
    };
    for refused in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("x-requested-with", "x")],
        &[("origin", "http://evil.example")],
        &[("origin", "null"), ("x-requested-with", "x")],
    ] {
        assert_eq!(change(refused).await, 403, "{refused:?}");
    }
    for taken in [&[("sec-fetch-site", "same-origin")][..], &[("origin", own.as_str())], &[("x-requested-with", "tidewatch")]] {
        assert_eq!(change(taken).await, 200, "{taken:?}");
    }
    assert_eq!(
        status(&room, Method::GET, "/api/v1/thresholds", &[("cookie", &cookie), ("sec-fetch-site", "same-site")]).await,
        200
    );
    let foreign = [("origin", "http://evil.example")];
    assert_eq!(status(&room, Method::POST, "/api/v1/session", &foreign).await, 403);
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_when_its_holder_signs_out() {
    let room = Room::open().await;
    let (id, token) = room.token("viewer").await;
    let first = cookie(&sign_in(&room, json!({"token": token})).await);
    let second = cookie(&sign_in(&room, json!({"token": token})).await);
    let with = async |cookie: &str| status(&room, Method::GET, "/api/v1/state", &[("cookie", cookie)]).await;
    assert_eq!((with(&first).await, with(&second).await), (200, 200));
    assert_eq!(
        status(&room, Method::DELETE, "/api/v1/session", &[("cookie", &first), ("sec-fetch-site", "same-origin")]).await,
        204
    );
    assert_eq!((with(&first).await, with(&second).await), (401, 200));
    let list = room.json("/api/v1/tokens").await;
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
    room.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), json!(null)).await;
    assert_eq!(with(&second).await, 401);
    let changed = second.replace(&id, "abcdefgh");
    assert_eq!(with(&changed).await, 401);
}

#[tokio::test]
async fn a_link_signs_one_browser_in_as_whoever_made_it() {
    let room = Room::open().await;
    let (_, token) = room.token("operator").await;
    let made = room.bare(Method::POST, "/api/v1/session/links").bearer_auth(&token).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let link: Value = made.json().await.unwrap();
    assert_eq!(link["path"], format!("/#login={}", link["code"].as_str().unwrap()));
    let signed_in = sign_in(&room, json!({"code": link["code"]})).await;
    assert_eq!(signed_in.status(), 201);
    let who: Value = signed_in.json().await.unwrap();
    assert_eq!((&who["role"], &who["name"]), (&json!("operator"), &json!("operator")));
    assert_eq!(sign_in(&room, json!({"code": link["code"]})).await.status(), 401, "once");
}

#[tokio::test]
async fn a_token_that_expires_is_worth_nothing_after_that_and_neither_is_its_session() {
    let room = Room::open().await;
    let wanted = json!({"name": "guest", "role": "viewer", "expires_in": "2s"});
    let (status_code, created) = room.send(Method::POST, "/api/v1/tokens", wanted).await;
    assert_eq!(status_code, 201, "{created}");
    let token = created["token"].as_str().unwrap();
    assert_eq!(created["link"], format!("/#token={token}"));
    let cookie = cookie(&sign_in(&room, json!({"token": token})).await);
    let with = async || {
        let bearer = room.bare(Method::GET, "/api/v1/state").bearer_auth(token).send().await.unwrap().status().as_u16();
        (bearer, status(&room, Method::GET, "/api/v1/state", &[("cookie", &cookie)]).await)
    };
    let begun = std::time::Instant::now();
    while with().await != (401, 401) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for bad in ["0s", "1w", "24", "-1h", "999999d", ""] {
        let wanted = json!({"name": "guest", "role": "viewer", "expires_in": bad});
        assert_eq!(room.send(Method::POST, "/api/v1/tokens", wanted).await.0, 422, "{bad:?}");
    }
}
