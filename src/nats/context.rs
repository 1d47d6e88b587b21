//! Contexts of the NATS CLI: `$XDG_CONFIG_HOME/nats/context.txt` names the selected one, `context/<name>.json` holds it. What the
//! CLI connects with, tidewatch connects with.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::event::subject::Root;
use crate::nats::connect::{Auth, ConnectConfig, Tls};

#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error("no NATS context is selected in {path:?}; run `nats context select NAME` or name one")]
    NoneSelected { path: PathBuf },
    #[error("{name:?} is not the name of a NATS context")]
    BadName { name: String },
    #[error("cannot read the NATS context {name} from {path:?}; `nats context ls` lists those there are")]
    Unreadable {
        name: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the NATS context {name} in {path:?} is not valid")]
    Invalid {
        name: String,
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the NATS context {name} uses {field}, which tidewatch does not support; use user, token, nkey or creds")]
    Unsupported { name: String, field: &'static str },
}

/// Where the NATS CLI keeps its contexts: `$XDG_CONFIG_HOME/nats`, or `~/.config/nats`.
pub fn directory() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    Some(config.or_else(|| Some(home()?.join(".config")))?.join("nats"))
}

/// The context `name`, or the selected one, of the NATS CLI that keeps its files in `directory`.
pub fn load(directory: &Path, name: Option<&str>, root: Root) -> Result<ConnectConfig, ContextError> {
    let name = match name {
        Some(name) => name.to_owned(),
        None => selected(directory)?,
    };
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name.contains("..") {
        return Err(ContextError::BadName { name });
    }
    let path = directory.join("context").join(format!("{name}.json"));
    let unreadable = |source| ContextError::Unreadable { name: name.clone(), path: path.clone(), source };
    let text = std::fs::read_to_string(&path).map_err(unreadable)?;
    let invalid = |source| ContextError::Invalid { name: name.clone(), path: path.clone(), source };
    let file: File = serde_json::from_str(&text).map_err(invalid)?;
    file.into_config(&name, root)
}

fn selected(directory: &Path) -> Result<String, ContextError> {
    let path = directory.join("context.txt");
    let name = std::fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
    if name.is_empty() { Err(ContextError::NoneSelected { path }) } else { Ok(name) }
}

/// The file as the CLI writes it: every field present, empty when not set. Fields that do not concern a connection are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    url: String,
    user: String,
    password: String,
    token: String,
    creds: String,
    nkey: String,
    cert: String,
    key: String,
    ca: String,
    tls_first: bool,
    inbox_prefix: String,
    nsc: String,
    user_jwt: String,
    socks_proxy: String,
}

impl File {
    fn into_config(self, name: &str, root: Root) -> Result<ConnectConfig, ContextError> {
        let unsupported = [("nsc", &self.nsc), ("user_jwt", &self.user_jwt), ("socks_proxy", &self.socks_proxy)];
        if let Some((field, _)) = unsupported.into_iter().find(|(_, value)| !value.is_empty()) {
            return Err(ContextError::Unsupported { name: name.to_owned(), field });
        }
        let url = if self.url.is_empty() { "nats://127.0.0.1:4222".to_owned() } else { self.url };
        let urls = url.split(',').map(|url| url.trim().to_owned()).collect();
        let auth = if !self.creds.is_empty() {
            Auth::Creds(expand(&self.creds))
        } else if !self.nkey.is_empty() {
            Auth::Nkey(expand(&self.nkey))
        } else if !self.token.is_empty() {
            Auth::Token(self.token)
        } else if !self.user.is_empty() && !self.password.is_empty() {
            Auth::User { user: self.user, password: self.password }
        } else if !self.user.is_empty() {
            // As the CLI has it: a user without a password is a token.
            Auth::Token(self.user)
        } else {
            Auth::None
        };
        let client = (!self.cert.is_empty() && !self.key.is_empty()).then(|| (expand(&self.cert), expand(&self.key)));
        let ca = (!self.ca.is_empty()).then(|| expand(&self.ca));
        let inbox_prefix = (!self.inbox_prefix.is_empty()).then_some(self.inbox_prefix);
        let tls = Tls { ca, client, first: self.tls_first };
        Ok(ConnectConfig { auth, tls, inbox_prefix, ..ConnectConfig::new(urls, root) })
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

/// `~/x` as the CLI reads it.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slug;

    fn root() -> Root {
        Root::new(Slug::try_from("tw").unwrap())
    }

    fn contexts(selected: &str, name: &str, json: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("context")).unwrap();
        std::fs::write(directory.path().join("context.txt"), selected).unwrap();
        std::fs::write(directory.path().join("context").join(format!("{name}.json")), json).unwrap();
        directory
    }

    #[test]
    fn the_selected_context_is_read_with_its_user_and_its_certificates() {
        let json = r#"{"description":"x","url":"nats://a:4222, nats://b:4222","user":"me","password":"secret","cert":"/c.pem",
            "key":"/k.pem","ca":"/ca.pem","token":"","nsc":"","jetstream_domain":""}"#;
        let directory = contexts("prod\n", "prod", json);
        let config = load(directory.path(), None, root()).unwrap();
        assert_eq!(config.urls, ["nats://a:4222", "nats://b:4222"]);
        assert!(matches!(&config.auth, Auth::User { user, password } if user == "me" && password == "secret"));
        assert_eq!(config.tls.ca, Some(PathBuf::from("/ca.pem")));
        assert_eq!(config.tls.client, Some(("/c.pem".into(), "/k.pem".into())));
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn a_context_can_be_named_and_may_use_a_credentials_file() {
        let directory = contexts("", "dev", r#"{"url":"","creds":"/dev.creds","user":"ignored","password":"ignored"}"#);
        let config = load(directory.path(), Some("dev"), root()).unwrap();
        assert!(matches!(&config.auth, Auth::Creds(path) if path == Path::new("/dev.creds")));
        assert_eq!(config.urls, ["nats://127.0.0.1:4222"]);
    }

    #[test]
    fn a_context_that_cannot_be_used_says_why() {
        let directory = contexts("", "dev", r#"{"nsc":"nsc://operator/account/user"}"#);
        let why = |name: Option<&str>| load(directory.path(), name, root()).unwrap_err().to_string();
        assert!(why(None).contains("nats context select"), "{}", why(None));
        assert!(why(Some("../dev")).contains("not the name"));
        assert!(why(Some("other")).contains("nats context ls"));
        assert!(why(Some("dev")).contains("nsc"));
    }
}
