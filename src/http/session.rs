//! Sessions: what a browser holds instead of a token. A cookie that no script can read names the token it was given for and until
//! when, signed with a key of this server; so it ends with its token, and nothing of it is kept here but those that were ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::http::auth::Credential;
use crate::time::{Span, Timestamp};

/// How long a session lasts.
pub const SESSION: Span = Span::from_secs(7 * 86_400);
/// How long a link for signing in can be used.
pub const LINK: Span = Span::from_secs(600);

/// Sessions that were ended before their time; full: the one that would have ended first is forgotten.
const ENDED_MAX: usize = 10_000;
/// Links that wait to be used; full: no more are made.
const LINKS_MAX: usize = 1_000;

/// A key of this server's own.
///
/// Errors: the system has no randomness to give.
pub fn mint_key() -> Result<[u8; 32], getrandom::Error> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(key)
}

/// One session, as its cookie tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Tells it from others of the same token.
    nonce: u128,
    pub expires_at: Timestamp,
}

/// What every session of this server has in common.
pub struct Sessions {
    key: [u8; 32],
    /// Differs between servers, as cookies of all ports of a host are sent to each.
    cookie: String,
    ended: Mutex<BTreeMap<u128, Timestamp>>,
    links: Mutex<BTreeMap<[u8; 32], (Credential, Timestamp)>>,
}

/// What a cookie claims before it is checked against the token it names.
pub struct Claim<'c> {
    pub credential: Credential,
    pub session: Session,
    body: &'c str,
    signature: &'c str,
}

impl Sessions {
    pub fn new(key: [u8; 32]) -> Self {
        let cookie = format!("tidewatch_{}", &blake3::hash(&key).to_hex()[..8]);
        Self { key, cookie, ended: Mutex::default(), links: Mutex::default() }
    }

    /// Begins a session of a token: the session and the value of its cookie.
    pub fn begin(
        &self,
        credential: &Credential,
        token_hash: &[u8],
        expires_at: Timestamp,
    ) -> Result<(Session, String), getrandom::Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        let session = Session { nonce: u128::from_be_bytes(nonce), expires_at };
        let id = match credential {
            Credential::Configured => "",
            Credential::Issued(id) => id,
        };
        let body = format!("{id}.{}.{:032x}", expires_at.micros(), session.nonce);
        let signature = self.signature(&body, token_hash);
        Ok((session, format!("{body}.{}", signature.to_hex())))
    }

    /// The claim of the cookie among `headers`, if it is one of ours in form.
    pub fn claim<'h>(&self, headers: &'h HeaderMap) -> Option<Claim<'h>> {
        let cookies =
            headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
        let mut named = cookies.filter_map(|cookie| cookie.trim().split_once('='));
        let (_, value) = named.find(|(name, _)| *name == self.cookie)?;
        let (body, signature) = value.rsplit_once('.')?;
        let mut parts = body.splitn(3, '.');
        let (id, expires, nonce) = (parts.next()?, parts.next()?, parts.next()?);
        let credential = if id.is_empty() { Credential::Configured } else { Credential::Issued(id.to_owned()) };
        let expires_at = Timestamp::from_micros(expires.parse().ok()?);
        let session = Session { nonce: u128::from_str_radix(nonce, 16).ok()?, expires_at };
        Some(Claim { credential, session, body, signature })
    }

    /// Whether a claim was signed here for the token of that hash.
    pub fn is_ours(&self, claim: &Claim<'_>, token_hash: &[u8]) -> bool {
        // comparing hashes of BLAKE3 takes as long whatever they are
        blake3::Hash::from_hex(claim.signature).is_ok_and(|signature| signature == self.signature(claim.body, token_hash))
    }

    /// Whether a session goes on.
    pub fn is_live(&self, session: &Session, now: Timestamp) -> bool {
        now < session.expires_at && !self.ended().contains_key(&session.nonce)
    }

    /// Ends a session before its time.
    pub fn end(&self, session: &Session, now: Timestamp) {
        let mut ended = self.ended();
        ended.retain(|_, expires_at| now < *expires_at);
        if ENDED_MAX <= ended.len() {
            let first = ended.iter().min_by_key(|(_, expires_at)| **expires_at).map(|(nonce, _)| *nonce);
            first.and_then(|nonce| ended.remove(&nonce));
        }
        ended.insert(session.nonce, session.expires_at);
    }

    /// A code that begins one session of this token, once. `None`: too many wait.
    pub fn link(&self, credential: Credential, code: &str, expires_at: Timestamp, now: Timestamp) -> Option<()> {
        let mut links = self.links();
        links.retain(|_, (_, until)| now < *until);
        (links.len() < LINKS_MAX)
            .then(|| drop(links.insert(*blake3::hash(code.as_bytes()).as_bytes(), (credential, expires_at))))
    }

    /// Whose a code is; it is used up.
    pub fn redeem(&self, code: &str, now: Timestamp) -> Option<Credential> {
        let found = self.links().remove(blake3::hash(code.as_bytes()).as_bytes());
        found.filter(|(_, until)| now < *until).map(|(credential, _)| credential)
    }

    /// The header that gives a browser its cookie. `base` is the path we are reached under.
    pub fn set_cookie(&self, value: &str, base: &str, is_secure: bool, lasts: Span) -> HeaderValue {
        let (name, seconds, secure) = (&self.cookie, lasts.micros() / 1_000_000, if is_secure { "; Secure" } else { "" });
        let text = format!("{name}={value}; Path={base}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::from_str(&text).expect("digits, letters and a checked path")
    }

    fn signature(&self, body: &str, token_hash: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(body.as_bytes()).update(b"\n").update(token_hash);
        hasher.finalize()
    }

    fn ended(&self) -> std::sync::MutexGuard<'_, BTreeMap<u128, Timestamp>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; 32], (Credential, Timestamp)>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sessions: &Sessions, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(&format!("a=b; {}={value}", sessions.cookie)).unwrap());
        headers
    }

    #[test]
    fn a_session_is_of_one_token_of_one_server_and_cannot_be_changed() {
        let (ours, theirs) = (Sessions::new([1; 32]), Sessions::new([2; 32]));
        let credential = Credential::Issued("abc".to_owned());
        let end = Timestamp::from_millis(1_000);
        let (session, value) = ours.begin(&credential, b"hash", end).unwrap();
        let given = headers(&ours, &value);
        let claim = ours.claim(&given).unwrap();
        assert_eq!((&claim.credential, &claim.session), (&credential, &session));
        assert!(ours.is_ours(&claim, b"hash") && !ours.is_ours(&claim, b"another token") && !theirs.is_ours(&claim, b"hash"));
        let longer = headers(&ours, &value.replace(".1000000.", ".9000000."));
        assert!(!ours.is_ours(&ours.claim(&longer).unwrap(), b"hash"));
        for bad in ["", "a", "a.b.c.d", "..."] {
            assert!(ours.claim(&headers(&ours, bad)).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_session_ends_in_time_or_before() {
        let sessions = Sessions::new([1; 32]);
        let at = Timestamp::from_millis;
        let (session, _) = sessions.begin(&Credential::Configured, b"", at(100)).unwrap();
        assert!(sessions.is_live(&session, at(99)) && !sessions.is_live(&session, at(100)));
        sessions.end(&session, at(50));
        assert!(!sessions.is_live(&session, at(51)));
    }

    #[test]
    fn a_link_is_used_once_and_in_time() {
        let sessions = Sessions::new([1; 32]);
        let at = Timestamp::from_millis;
        sessions.link(Credential::Configured, "code", at(100), at(0)).unwrap();
        assert_eq!(sessions.redeem("another", at(1)), None);
        assert_eq!(sessions.redeem("code", at(1)), Some(Credential::Configured));
        assert_eq!(sessions.redeem("code", at(1)), None);
        sessions.link(Credential::Configured, "late", at(100), at(0)).unwrap();
        assert_eq!(sessions.redeem("late", at(100)), None);
    }
}
