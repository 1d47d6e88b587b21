//! From the configuration to a connection.

use std::path::PathBuf;

use super::context::{self, ContextError};
use super::{Auth, ConnectConfig};
use crate::config::{self, NatsServer};

impl ConnectConfig {
    /// What the configuration says. `managed` is the address of our own server, for a configuration that asks for one.
    ///
    /// Errors: the configuration names a context of the `nats` command line that cannot be read.
    pub fn configured(nats: &config::Nats, managed: &str) -> Result<Self, ContextError> {
        let root = nats.root.clone();
        let listed = |urls: &str| urls.split(',').map(|url| url.trim().to_owned()).collect();
        let mut config = match &nats.server {
            NatsServer::External { url } => Self::new(listed(url.expose()), root),
            NatsServer::Context { name } => {
                let directory = context::directory().unwrap_or_else(|| PathBuf::from(".config/nats"));
                context::load(&directory, Some(name), root)?
            }
            NatsServer::Managed { .. } => Self::new(listed(managed), root),
        };
        if let Some(creds) = &nats.creds {
            config.auth = Auth::Creds(creds.clone());
        }
        Ok(config)
    }
}
