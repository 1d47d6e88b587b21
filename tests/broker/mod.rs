//! A real nats-server for one test: its own directory, a free port, one stream that takes every input subject.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use serde_json::Value;

pub struct Server {
    child: Child,
    pub url: String,
    _home: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let configuration = home.path().join("nats.conf");
        let store = home.path().join("store");
        let text =
            format!("host: 127.0.0.1\nport: -1\nports_file_dir: {:?}\njetstream {{ store_dir: {store:?} }}\n", home.path());
        std::fs::write(&configuration, text).unwrap();
        let child = Command::new(program("nats-server").expect("nats-server is installed"))
            .arg("-c")
            .arg(&configuration)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = url_of(home.path(), child.id()).await;
        let server = Self { child, url, _home: home };
        let config = stream::Config { name: "TW_INPUT".into(), subjects: vec!["tw.in.>".into()], ..stream::Config::default() };
        server.log().await.create_stream(config).await.unwrap();
        server
    }

    async fn log(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(&self.url).await.unwrap())
    }

    /// Kind, source and body of every message of the log, in order.
    pub async fn stored(&self) -> Vec<(String, String, Value)> {
        let mut stream = self.log().await.get_stream("TW_INPUT").await.unwrap();
        let last = stream.info().await.unwrap().state.last_sequence;
        let mut stored = Vec::new();
        for seq in 1..=last {
            let message = stream.get_raw_message(seq).await.unwrap();
            let tokens: Vec<_> = message.subject.split('.').map(str::to_owned).collect();
            stored.push((tokens[2].clone(), tokens[3].clone(), serde_json::from_slice(&message.payload).unwrap()));
        }
        stored
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits for the ports file of the server and reads its address.
async fn url_of(home: &Path, pid: u32) -> String {
    let file = home.join(format!("nats-server_{pid}.ports"));
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let ports: Option<Value> = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(url) = ports.as_ref().and_then(|ports| ports["nats"][0].as_str()) {
            return url.into();
        }
        assert!(Instant::now() < deadline, "nats-server did not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A program of the PATH, or of the directories only root's PATH has.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|directory| directory.join(name)).find(|file| file.is_file())
}
