//! Does the server still answer? A process that was stopped, or one that turned its JetStream off after a full disk, keeps its port open
//! and its clients waiting for ever.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Between two questions.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long an answer may take: far more than a busy server takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions in a row without an answer after which the server counts as silent. A server that has just started reads its streams first.
const SILENCES_MAX: u32 = 3;

/// A client's first words and one question to JetStream.
const QUESTION: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"tidewatch-probe\"}\r\n\
    SUB _INBOX.tidewatch_probe 1\r\nPUB $JS.API.STREAM.NAMES _INBOX.tidewatch_probe 0\r\n\r\n";

/// Returns once the server on that port of this machine has been silent [`SILENCES_MAX`] times in a row.
pub(super) async fn silent(port: u16) {
    let mut silences = 0;
    while silences < SILENCES_MAX {
        tokio::time::sleep(INTERVAL).await;
        let answered = timeout(PATIENCE, answers(port)).await;
        silences = if matches!(answered, Ok(Ok(true))) { 0 } else { silences + 1 };
    }
}

/// Whether JetStream answers without an error.
async fn answers(port: u16) -> std::io::Result<bool> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.write_all(QUESTION.as_bytes()).await?;
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = server.read(&mut chunk).await?;
        if count == 0 {
            return Ok(false);
        }
        said.extend_from_slice(&chunk[..count]);
        if let Some(verdict) = verdict(&said) {
            return Ok(verdict);
        }
    }
}

/// What the server has said so far: `None` if the answer is not there yet.
fn verdict(said: &[u8]) -> Option<bool> {
    let said = String::from_utf8_lossy(said);
    let (head, body) = said.split_once("MSG _INBOX.tidewatch_probe")?.1.split_once("\r\n")?;
    let bytes: usize = head.rsplit(' ').next()?.parse().ok()?;
    (bytes <= body.len()).then(|| !body.contains("\"error\":{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_whole_and_holds_no_error() {
        let answer = |body: &str| format!("INFO {{}}\r\nMSG _INBOX.tidewatch_probe 1 {}\r\n{body}\r\n", body.len());
        assert_eq!(verdict(b"INFO {}\r\n"), None);
        assert_eq!(verdict(b"INFO {}\r\nMSG _INBOX.tidewatch_probe 1 20\r\n{"), None);
        assert_eq!(verdict(answer(r#"{"streams":null}"#).as_bytes()), Some(true));
        assert_eq!(verdict(answer(r#"{"error":{"code":503}}"#).as_bytes()), Some(false));
    }
}
