//! Who is calling: bearer tokens, and the guard before every route.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::clock;
use crate::event::Role;
use crate::http::access::{self, Access};
use crate::http::condition;
use crate::http::parameters;
use crate::http::peer;
use crate::http::problem::Problem;
use crate::http::session::Session;
use crate::http::shared::Shared;
use crate::http::socket;
use crate::http::token;
use crate::monitor::tokens::Tokens;
use crate::telemetry;
use crate::time::Timestamp;

/// The subprotocol prefix a browser carries its token in, since it cannot set a header on a WebSocket.
pub const TOKEN_PROTOCOL: &str = "tidewatch.token.";

/// The role of the token that a request came with, so that a page need not offer what would be refused.
pub const ROLE: HeaderName = HeaderName::from_static("tidewatch-role");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Different wrong tokens of one client within [`WINDOW`]; more are a guesser's. One that is shown again and again is a mistake.
const FAILURES_MAX: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// How long a guesser waits for each answer after that.
const BRAKE: Duration = Duration::from_secs(1);
/// Slots of the table of failures: fixed, so that guessing from many addresses costs us nothing.
const SLOTS: usize = 1024;

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub role: Role,
    pub credential: Credential,
    /// `None`: no end is known.
    pub expires_at: Option<Timestamp>,
    /// `None`: the token itself was shown.
    pub session: Option<Session>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The token of the configuration; it cannot be revoked.
    Configured,
    /// A token of the log, by id.
    Issued(String),
}

/// Wrong tokens by client. Two clients may share a slot: the guesses of both count then.
pub struct Guesses {
    hasher: RandomState,
    slots: Mutex<Vec<Option<Wrong>>>,
}

#[derive(Clone)]
struct Wrong {
    since: Instant,
    /// Each different one, by a part of its hash.
    tokens: Vec<u64>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: Mutex::new(vec![None; SLOTS]) }
    }
}

impl Guesses {
    /// Notes a wrong token. Gives how long the client should wait if it has shown too many.
    fn note(&self, client: IpAddr, token: &blake3::Hash, now: Instant) -> Option<Duration> {
        let slot = self.hasher.hash_one(peer::share_of(client)) as usize % SLOTS;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = slots[slot].take().filter(|wrong| now.saturating_duration_since(wrong.since) < WINDOW);
        let wrong = slots[slot].insert(wrong.unwrap_or_else(|| Wrong { since: now, tokens: Vec::new() }));
        let part = u64::from_le_bytes(token.as_bytes()[..8].try_into().expect("eight bytes of 32"));
        if wrong.tokens.contains(&part) {
            return None;
        }
        if wrong.tokens.len() < FAILURES_MAX {
            wrong.tokens.push(part);
            return None;
        }
        Some(WINDOW.saturating_sub(now.saturating_duration_since(wrong.since)))
    }
}

/// The guard of every route: finds it in the table, asks for its role, pins the view, and answers an unchanged one with 304.
pub async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        return refused(Problem::forbidden("not a route"));
    };
    let Some(entry) = access::find(request.method(), path.as_str()) else {
        return match access::methods(path.as_str()).as_slice() {
            [] => refused(Problem::forbidden("nobody may use this route")),
            allowed => Problem::method_not_allowed(allowed).into_response(),
        };
    };
    let mut role = None;
    if let Access::From(least) = entry.access {
        match authenticate(&shared, request.headers(), path.as_str() == "/ws", client_of(&shared, &request)) {
            Ok(caller) => {
                if let Some(problem) = forged(&caller, &request) {
                    return refused(problem);
                }
                if caller.role < least {
                    return refused(lacking(least));
                }
                role = Some(caller.role);
                request.extensions_mut().insert(caller);
            }
            Err(problem) => return refused(braked(problem).await),
        }
    }
    if let Some(problem) = oversized(&shared, request.headers()) {
        return refused(problem);
    }
    if let Err(problem) = parameters::check(request.method(), path.as_str(), request.uri()) {
        return problem.into_response();
    }
    let mut response = condition::answer(&shared, entry, request, next).await;
    response.headers_mut().extend(role.map(|role| (ROLE, HeaderValue::from_static(name_of(role)))));
    response
}

/// A body that says it is too large is refused before a byte of it is read.
fn oversized(shared: &Shared, headers: &HeaderMap) -> Option<Problem> {
    let most = shared.app.settings.body_bytes_max;
    let told: u64 = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    let detail = format!("a body holds at most {most} bytes, this one has {told}; send it in parts");
    ((most as u64) < told).then(|| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail))
}

/// The refusal of somebody who lacks `role`.
pub fn lacking(role: Role) -> Problem {
    Problem::forbidden(format!("this needs a token of the role {}", name_of(role)))
}

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

/// Whether a caller who was let in before may still come in.
pub fn is_valid(shared: &Shared, tokens: &Tokens, caller: &Caller) -> bool {
    let has_token = match &caller.credential {
        Credential::Configured => true,
        Credential::Issued(id) => tokens.iter().any(|(known, _)| known == id),
    };
    has_token && is_in_time(shared, caller)
}

/// Whether neither the token nor the session of a caller has come to its end.
pub fn is_in_time(shared: &Shared, caller: &Caller) -> bool {
    let now = shared.log_clock.now();
    caller.expires_at.is_none_or(|end| now < end)
        && caller.session.as_ref().is_none_or(|session| shared.sessions.is_live(session, now))
}

/// Finds the caller by the token of a header or, where there is none, by the session of a cookie.
fn authenticate(shared: &Shared, headers: &HeaderMap, is_socket: bool, client: IpAddr) -> Result<Caller, Problem> {
    if let Some(text) = bearer(headers).or_else(|| is_socket.then(|| token_protocol(headers)).flatten()) {
        return identify(shared, text, client);
    }
    let Some(claim) = shared.sessions.claim(headers) else {
        return Err(Problem::unauthorized("a token is needed: `Authorization: Bearer <token>`"));
    };
    let over = || Problem::unauthorized("this session has ended; sign in again");
    if matches!(claim.credential, Credential::Issued(_)) {
        check_log(shared)?;
    }
    let hash = hash_of(shared, &claim.credential).ok_or_else(over)?;
    let is_live = shared.sessions.is_ours(&claim, &hash) && shared.sessions.is_live(&claim.session, shared.log_clock.now());
    let caller = caller_of(shared, &claim.credential).filter(|_| is_live).ok_or_else(over)?;
    let expires_at = Some(claim.session.expires_at);
    Ok(Caller { expires_at, session: Some(claim.session), ..caller })
}

/// Whose a token is. It is compared first, so that the right one is let in whatever its neighbours show. Only wrong ones are counted,
/// and only those that could be guesses: a token of ours carries 160 random bits and needs no brake.
pub fn identify(shared: &Shared, text: &str, client: IpAddr) -> Result<Caller, Problem> {
    let id = token::id_of(text);
    let hash = token::hash(text);
    if let Some(known) = &shared.app.settings.admin_token_hash
        && bool::from(known.ct_eq(hash.as_bytes()))
    {
        return Ok(Caller { role: Role::Admin, credential: Credential::Configured, expires_at: None, session: None });
    }
    check_log(shared)?;
    let hexadecimal = hash.to_hex();
    let view = shared.view();
    // every candidate is compared, in constant time each: how long it takes says nothing of how near a guess was
    let mut found = None;
    for (known, issued) in view.tokens.iter().filter(|(known, _)| id.is_none_or(|id| id == *known)) {
        if bool::from(issued.hash.to_ascii_lowercase().as_bytes().ct_eq(hexadecimal.as_bytes())) {
            found = Some(Credential::Issued(known.to_owned()));
        }
    }
    found.and_then(|credential| caller_of(shared, &credential)).ok_or_else(|| {
        let wait = if id.is_none() { shared.guesses.note(client, &hash, clock::monotonic()) } else { None };
        match wait {
            None => Problem::unauthorized("this token is not valid, or no longer"),
            Some(wait) => too_many_guesses(wait),
        }
    })
}

/// In the middle of a replay a revoked token is valid again, and a valid one is not yet.
fn check_log(shared: &Shared) -> Result<(), Problem> {
    let (position, start_seq) = (shared.view().position, shared.app.log.borrow().start_seq);
    if start_seq <= position {
        return Ok(());
    }
    let detail = format!("the log is being read anew, and with it who may come in: applied {position} of {start_seq}");
    Err(Problem::unavailable("catching-up", detail, 1))
}

/// The holder of a token, by what it is known by; `None` if it is not valid, or no longer. Its use is noted.
pub fn caller_of(shared: &Shared, credential: &Credential) -> Option<Caller> {
    let credential = credential.clone();
    let (role, expires_at) = match &credential {
        Credential::Configured => (Role::Admin, None),
        Credential::Issued(id) => {
            let view = shared.view();
            let now = shared.log_clock.now();
            let (_, token) = view.tokens.iter().find(|(known, token)| known == id && !token.is_expired(now))?;
            shared.uses.note(id, now);
            (token.role, token.expires_at)
        }
    };
    Some(Caller { role, credential, expires_at, session: None })
}

/// What is kept of a token; `None` if there is none.
pub fn hash_of(shared: &Shared, credential: &Credential) -> Option<Vec<u8>> {
    match credential {
        Credential::Configured => shared.app.settings.admin_token_hash.map(|hash| hash.to_vec()),
        Credential::Issued(id) => {
            let view = shared.view();
            view.tokens
                .iter()
                .find(|(known, _)| known == id)
                .map(|(_, token)| token.hash.to_ascii_lowercase().as_bytes().to_vec())
        }
    }
}

/// A change that a page of somebody else asks for in the name of whoever is signed in. A browser says where a request comes from, and
/// lets no foreign page set a header of its own; a token in a header no foreign page has.
fn forged(caller: &Caller, request: &Request) -> Option<Problem> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if caller.session.is_none() || is_read {
        return None;
    }
    let headers = request.headers();
    let is_own = is_own_page(headers, request.uri()).unwrap_or_else(|| headers.contains_key(REQUESTED_WITH));
    (!is_own).then(|| Problem::forbidden("with a session, changes are taken from our own pages only"))
}

/// Whether a page of ours asks, as its browser says; `None` if it does not say.
pub fn is_own_page(headers: &HeaderMap, uri: &Uri) -> Option<bool> {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => Some(site == "same-origin"),
        None => headers.contains_key(ORIGIN).then(|| socket::is_allowed_origin(headers, uri, &[])),
    }
}

/// The refusal of a guesser, after a while.
pub async fn braked(problem: Problem) -> Problem {
    if problem.is(StatusCode::TOO_MANY_REQUESTS) {
        tokio::time::sleep(BRAKE).await;
    }
    problem
}

fn too_many_guesses(wait: Duration) -> Problem {
    let detail = "this token is not valid, and too many others that are not were shown from this address; wait a while";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", detail)
        .with_header(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
}

fn refused(problem: Problem) -> Response {
    telemetry::HTTP_REFUSALS.add(1);
    problem.into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, text) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
}

fn token_protocol(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL))
}

pub fn client_of(shared: &Shared, request: &Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    peer::client(peer, request.headers(), &shared.app.settings.trusted_proxies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_guesses_waits_and_is_forgiven_and_one_that_repeats_itself_is_not_guessing() {
        let guesses = Guesses::default();
        let (client, start) = (IpAddr::V4(Ipv4Addr::LOCALHOST), clock::monotonic());
        let show = |token: &str, now: Instant| guesses.note(client, &token::hash(token), now);
        for round in 0..2 * FAILURES_MAX {
            assert_eq!(show(&format!("wrong {}", round % FAILURES_MAX), start), None);
        }
        assert_eq!(show("one more", start), Some(WINDOW));
        assert_eq!(show("wrong 3", start), None);
        assert_eq!(show("one more", start + WINDOW), None);
    }

    #[test]
    fn a_token_is_found_in_either_header() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("tidewatch.v1, tidewatch.token.abc"));
        assert_eq!((bearer(&headers), token_protocol(&headers)), (None, Some("abc")));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer xyz"));
        assert_eq!(bearer(&headers), Some("xyz"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic xyz"));
        assert_eq!(bearer(&headers), None);
    }
}
