//! The first token: made when the process first starts, kept by its hash in the log, and in the clear in one file that only the
//! owner can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::config::Secret;
use crate::event::{Command, Kind, Role};
use crate::http::{self, token};
use crate::ids::{Name, Slug};
use crate::nats::room::Class;
use crate::nats::{Door, Headers};
use crate::view::View;

/// Its name within the data directory.
const FILE: &str = "admin.token";
const SESSION_KEY: &str = "session.key";

/// A shorter token than this can be guessed: 16 characters of base 64 hold 96 bits.
const CHARS_ADVISED: usize = 16;

/// The token of the file.
#[derive(Clone)]
pub struct Admin {
    pub file: PathBuf,
    /// `None`: it was given with the configuration and is not of our making, so the log need not know it.
    minted: Option<Minted>,
}

#[derive(Clone)]
struct Minted {
    id: String,
    hash: String,
}

/// The token of the configuration: in the clear until it is in its file, by its hash after that.
pub struct Configured {
    text: Option<Secret>,
    pub hash: [u8; 32],
}

impl Configured {
    pub fn new(token: Secret) -> Self {
        Self { hash: *token::hash(token.expose()).as_bytes(), text: Some(token) }
    }
}

/// Puts the configured token into the file, or takes the one that is there, or mints one.
pub fn prepare(data: &Path, configured: Option<&mut Configured>) -> io::Result<Admin> {
    let file = data.join(FILE);
    if let Some(configured) = configured {
        if let Some(given) = &configured.text {
            if given.expose().len() < CHARS_ADVISED {
                warn!(
                    "the admin token has fewer than {CHARS_ADVISED} characters and can be guessed; `openssl rand -hex 24` makes a better one"
                );
            }
            write_private(&file, given.expose())?;
        }
        configured.text = None;
        return Ok(Admin { file, minted: None });
    }
    let kept = fs::read_to_string(&file).ok().map(Zeroizing::new);
    let kept = kept.as_ref().map(|text| text.trim());
    if let Some((id, text)) = kept.and_then(|text| Some((token::id_of(text)?, text))) {
        let minted = Minted { id: id.to_owned(), hash: token::hash(text).to_hex().to_string() };
        return Ok(Admin { file, minted: Some(minted) });
    }
    let minted = mint(&file)?;
    Ok(Admin { file, minted: Some(minted) })
}

/// Tells the log of the token, once what the log knows of tokens is known. One that was revoked is replaced.
pub async fn announce(
    mut admin: Admin,
    door: Door,
    source: Slug,
    mut view: watch::Receiver<Arc<View>>,
    start_at: u64,
    stop: CancellationToken,
) {
    let Some(mut minted) = admin.minted.take() else { return };
    // both branches are cancel-safe: a token and a watch
    let tokens = tokio::select! {
        () = stop.cancelled() => return,
        view = view.wait_for(|view| start_at <= view.position) => match view {
            Ok(view) => Arc::clone(&view.tokens),
            Err(_closed) => return,
        },
    };
    if tokens.is_revoked(&minted.id) {
        match mint(&admin.file) {
            Ok(fresh) => minted = fresh,
            Err(error) => return warn!(%error, "the admin token was revoked and cannot be replaced"),
        }
        info!(file = %admin.file.display(), "the admin token was revoked; a new one was made");
    }
    if tokens.iter().any(|(id, _)| id == minted.id) {
        return;
    }
    let name = Name::try_from("admin").expect("a plain word is a name");
    let command =
        Command::CreateToken { id: minted.id.into(), name, role: Role::Admin, hash: minted.hash.into(), expires_at: None };
    // reported by the process itself, so that it is not counted among the records of the world
    let body = Bytes::from(serde_json::to_vec(&command).expect("a command is plain data"));
    while let Err(error) = door.publish_as(Class::Command, Kind::Outcome, &source, Headers::new(), body.clone()).await {
        warn!(%error, "the admin token is not yet in the log");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
        }
    }
}

/// The key that sessions of browsers are signed with: made once, kept beside the token, so that a restart signs nobody out.
pub fn session_key(data: &Path) -> io::Result<[u8; 32]> {
    let file = data.join(SESSION_KEY);
    let kept = fs::read_to_string(&file).ok().and_then(|text| blake3::Hash::from_hex(text.trim()).ok());
    if let Some(key) = kept {
        return Ok(*key.as_bytes());
    }
    let key = http::session::mint_key().map_err(io::Error::other)?;
    write_private(&file, &blake3::Hash::from_bytes(key).to_hex())?;
    Ok(key)
}

fn mint(file: &Path) -> io::Result<Minted> {
    let minted = token::mint().map_err(io::Error::other)?;
    write_private(file, &minted.text)?;
    Ok(Minted { id: minted.id, hash: minted.hash })
}

/// Writes a file that its owner alone can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(partial, path)
}
