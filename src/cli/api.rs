//! The API of a running process, as its command line sees it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Method, Response};
use serde_json::Value;

use super::Failure;
use super::settings;
use crate::config::{Config, Origin, Secret};
use crate::run_file::RunFile;

/// Longer than any answer of a healthy process takes.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Which process to talk to: the one on a data directory, or one somewhere else.
#[derive(Args)]
#[command(next_help_heading = "Which process")]
pub struct Target {
    /// Read this TOML file
    #[arg(long, global = true, value_name = "FILE", env = "TIDEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Data directory of the process [default: .tidewatch]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its address, if it is not on this machine
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// Its token; others on this machine can see it, so rather use TIDEWATCH_TOKEN or --token-file
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// File that holds the token [default: TIDEWATCH_TOKEN, else the admin token of the data directory]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
}

/// A client of one process.
pub struct Api {
    url: String,
    token: Secret,
    client: reqwest::Client,
}

impl Target {
    /// Whether the process is named by its address and not by its data directory.
    pub const fn is_elsewhere(&self) -> bool {
        self.url.is_some()
    }

    /// The settings of a process on the data directory.
    pub fn place(&self) -> Result<Config, Failure> {
        Ok(settings::of_process(self.config.clone(), self.data.clone())?.0)
    }

    /// Finds the process and the token. The admin token of a data directory goes to the process of that directory only, unless
    /// the directory was named together with the address.
    ///
    /// Errors: nothing runs there, or no token can be read.
    pub fn open(&self) -> Result<Api, Failure> {
        let (config, layers) = settings::of_process(self.config.clone(), self.data.clone())?;
        let running = RunFile::read(&config.data);
        let url = match &self.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => running.as_ref().map_err(no_process)?.url.clone(),
        };
        let token = match (&self.token, &self.token_file, config.token) {
            (Some(token), _, _) => Secret::new(token.clone()),
            (None, Some(file), _) => read_token(file)?,
            (None, None, Some(token)) => token,
            (None, None, None) => {
                let of_process = running.as_ref().ok().filter(|running| running.url == url).map(|running| &running.token_file);
                let named = layers.get("data").origin != Origin::Default;
                match of_process {
                    Some(file) => read_token(file)?,
                    None if named => read_token(&config.data.join("admin.token"))?,
                    None => return Err(anyhow::anyhow!("{url} needs a token: --token-file, TIDEWATCH_TOKEN or --token").into()),
                }
            }
        };
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Api { url, token, client })
    }
}

impl Api {
    /// The process of a run file, with its admin token.
    ///
    /// Errors: the token cannot be read.
    pub fn of(running: &RunFile) -> anyhow::Result<Self> {
        Self::with_token(running, read_token(&running.token_file)?)
    }

    /// The process of a run file, with another token.
    pub fn with_token(running: &RunFile, token: Secret) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { url: running.url.clone(), token, client })
    }

    /// Waits longer for answers.
    pub fn patient(self, timeout: std::time::Duration) -> anyhow::Result<Self> {
        Ok(Self { client: reqwest::Client::builder().timeout(timeout).build()?, ..self })
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// As [`Api::get`], of what may not be there.
    pub async fn look(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let (url, response) = self.ask(Method::GET, path, None).await?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer(response).await.map(Some).with_context(|| format!("{url} refused"))
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (url, response) = self.ask(method, path, body).await?;
        answer(response).await.with_context(|| format!("{url} refused"))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(String, Response)> {
        let url = format!("{}{path}", self.url);
        let request = self.client.request(method, &url).bearer_auth(self.token.expose());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.with_context(|| format!("no answer from {url}"))?;
        Ok((url, response))
    }
}

/// A name as one step of a path, as `http::step` reads it: dots alone are directions to every URL parser, so they carry a tilde.
pub fn step(name: &str) -> String {
    let dots = matches!(name.trim_start_matches('~'), "." | "..");
    format!("{}{}", if dots { "~" } else { "" }, encoded(name))
}

/// Text for one step or one parameter of a URL.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The JSON of a good answer (null if it has none), or the problem of a bad one as an error.
async fn answer(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let bytes = response.bytes().await?;
    if status.is_success() {
        return if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) };
    }
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let said = |field: &str| problem[field].as_str().map(|text| format!(": {text}")).unwrap_or_default();
    bail!("{status}{}{}", said("title"), said("detail"))
}

fn read_token(file: &std::path::Path) -> anyhow::Result<Secret> {
    let token = std::fs::read_to_string(file).with_context(|| format!("cannot read the token in {}", file.display()))?;
    Ok(Secret::new(token.trim().into()))
}

fn no_process(error: &crate::run_file::Error) -> anyhow::Error {
    anyhow::anyhow!("{error}; start one with `tidewatch up`, or name another with --data or --url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_step_of_a_path() {
        assert_eq!(["fraud", "a/b c", "..", "~.", "~a"].map(step), ["fraud", "a%2Fb%20c", "~..", "~~.", "~a"]);
    }
}
