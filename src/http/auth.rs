//! Who is calling: bearer tokens, and the guard before every route.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::clock;
use crate::event::Role;
use crate::http::access::{self, Access};
use crate::http::condition;
use crate::http::parameters;
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::token;
use crate::monitor::tokens::Tokens;
use crate::telemetry;

/// The subprotocol prefix a browser carries its token in, since it cannot set a header on a WebSocket.
pub const TOKEN_PROTOCOL: &str = "tidewatch.token.";

/// The role of the token that a request came with, so that a page need not offer what would be refused.
pub const ROLE: HeaderName = HeaderName::from_static("tidewatch-role");

/// Failed attempts of one peer within [`WINDOW`] before it must wait.
const FAILURES_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);
/// Slots of the table of failures: fixed, so that guessing from many addresses costs us nothing.
const SLOTS: usize = 1024;

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub role: Role,
    pub credential: Credential,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The token of the configuration; it cannot be revoked.
    Configured,
    /// A token of the log, by id.
    Issued(String),
}

/// Failed attempts by peer. Two peers may share a slot: both wait then.
pub struct Guesses {
    hasher: RandomState,
    slots: Mutex<Vec<Option<(Instant, u32)>>>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self { hasher: RandomState::new(), slots: Mutex::new(vec![None; SLOTS]) }
    }
}

impl Guesses {
    /// How long this peer must wait; `None` if it need not.
    fn wait(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let (since, failures) = self.slots()[self.slot(peer)]?;
        let left = WINDOW.checked_sub(now.saturating_duration_since(since))?;
        (FAILURES_MAX <= failures).then_some(left)
    }

    fn note(&self, peer: IpAddr, now: Instant) {
        let slot = self.slot(peer);
        let mut slots = self.slots();
        slots[slot] = match slots[slot] {
            Some((since, failures)) if now.saturating_duration_since(since) < WINDOW => {
                Some((since, failures.saturating_add(1)))
            }
            _ => Some((now, 1)),
        };
    }

    /// Of an IPv6 peer the network counts: one host has as many addresses as it likes.
    fn slot(&self, peer: IpAddr) -> usize {
        let hash = match peer.to_canonical() {
            IpAddr::V4(address) => self.hasher.hash_one(address),
            IpAddr::V6(address) => self.hasher.hash_one(address.to_bits() >> 64),
        };
        hash as usize % SLOTS
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Option<(Instant, u32)>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of every route: finds it in the table, asks for its role, pins the view, and answers an unchanged one with 304.
pub async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        return refused(Problem::forbidden("not a route"));
    };
    let entry = access::find(request.method(), path.as_str());
    let mut role = None;
    if entry.is_none_or(|entry| entry.access != Access::Public) {
        match authenticate(&shared, request.headers(), path.as_str() == "/ws", peer_of(&request)) {
            Ok(caller) => {
                if let Some(Access::From(least)) = entry.map(|entry| entry.access)
                    && caller.role < least
                {
                    return refused(lacking(least));
                }
                role = Some(caller.role);
                request.extensions_mut().insert(caller);
            }
            Err(problem) => return refused(problem),
        }
    }
    if let Some(problem) = oversized(&shared, request.headers()) {
        return refused(problem);
    }
    if let Err(problem) = parameters::check(request.method(), path.as_str(), request.uri()) {
        return problem.into_response();
    }
    match entry {
        Some(entry) => {
            let mut response = condition::answer(&shared, entry, request, next).await;
            response.headers_mut().extend(role.map(|role| (ROLE, HeaderValue::from_static(name_of(role)))));
            response
        }
        None => match access::methods(path.as_str()).as_slice() {
            [] => refused(Problem::forbidden("nobody may use this route")),
            allowed => Problem::method_not_allowed(allowed).into_response(),
        },
    }
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
pub fn is_valid(tokens: &Tokens, caller: &Caller) -> bool {
    match &caller.credential {
        Credential::Configured => true,
        Credential::Issued(id) => tokens.iter().any(|(known, _)| known == id),
    }
}

/// Finds the caller. A peer that failed too often must wait, unless it shows a well-formed token of ours: those carry 160 random
/// bits, so guessing them needs no brake, and nobody is locked out by a neighbour.
fn authenticate(shared: &Shared, headers: &HeaderMap, is_socket: bool, peer: IpAddr) -> Result<Caller, Problem> {
    let Some(text) = bearer(headers).or_else(|| is_socket.then(|| token_protocol(headers)).flatten()) else {
        return Err(Problem::unauthorized("a token is needed: `Authorization: Bearer <token>`"));
    };
    let now = clock::monotonic();
    let id = token::id_of(text);
    if id.is_none()
        && let Some(wait) = shared.guesses.wait(peer, now)
    {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "too many wrong tokens; wait a while");
        return Err(problem.with_header(RETRY_AFTER, seconds));
    }
    let hash = token::hash(text);
    if let Some(known) = &shared.app.settings.admin_token_hash
        && bool::from(known.ct_eq(hash.as_bytes()))
    {
        return Ok(Caller { role: Role::Admin, credential: Credential::Configured });
    }
    let hexadecimal = hash.to_hex();
    let view = shared.view();
    let start_seq = shared.app.log.borrow().start_seq;
    if view.position < start_seq {
        // in the middle of a replay a revoked token is valid again, and a valid one is not yet
        let detail =
            format!("the log is being read anew, and with it who may come in: applied {} of {start_seq}", view.position);
        return Err(Problem::unavailable("catching-up", detail, 1));
    }
    // every candidate is compared, in constant time each: how long it takes says nothing of how near a guess was
    let mut found = None;
    for (known, issued) in view.tokens.iter().filter(|(known, _)| id.is_none_or(|id| id == *known)) {
        if bool::from(issued.hash.to_ascii_lowercase().as_bytes().ct_eq(hexadecimal.as_bytes())) {
            found = Some(Caller { role: issued.role, credential: Credential::Issued(known.to_owned()) });
        }
    }
    found.ok_or_else(|| {
        shared.guesses.note(peer, now);
        Problem::unauthorized("this token is not valid, or no longer")
    })
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

fn peer_of(request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_fails_too_often_waits_and_is_forgiven() {
        let guesses = Guesses::default();
        let (peer, start) = (IpAddr::V4(Ipv4Addr::LOCALHOST), clock::monotonic());
        for _ in 0..FAILURES_MAX {
            assert_eq!(guesses.wait(peer, start), None);
            guesses.note(peer, start);
        }
        assert_eq!(guesses.wait(peer, start), Some(WINDOW));
        assert_eq!(guesses.wait(peer, start + WINDOW + Duration::from_secs(1)), None);
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
