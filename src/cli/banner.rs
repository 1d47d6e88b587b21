//! What a person sees when everything listens.

use std::fmt;

use crate::run_file::RunFile;

/// Addresses, files, and a line to paste that publishes one prediction.
pub struct Banner<'a> {
    pub running: &'a RunFile,
    /// Else it is read from its file.
    pub token_was_given: bool,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunFile { url, nats_url, root, data, token_file, version, server_warning, .. } = self.running;
        // A token from the environment is its owner's to know: it is not repeated into logs of containers.
        let token = if self.token_was_given { None } else { std::fs::read_to_string(token_file).ok() };
        let fragment = token.map(|token| format!("#token={}", token.trim())).unwrap_or_default();
        writeln!(f, "\nTidewatch {version} is up.\n")?;
        writeln!(f, "  Dashboard   {url}/{fragment}")?;
        writeln!(f, "  API         {url}/api/v1/models    docs {url}/docs")?;
        writeln!(f, "  NATS        {nats_url}    subjects {root}.in.<kind>.<source>")?;
        if let Some(warning) = server_warning {
            writeln!(f, "              {warning}")?;
        }
        writeln!(f, "  Data        {}", data.display())?;
        writeln!(f, "  Token       {}\n", token_file.display())?;
        writeln!(f, "Publish a prediction of your own:")?;
        writeln!(f, "  nats pub -s {nats_url} {root}.in.prediction.hello '{RECORD}'")?;
        writeln!(
            f,
            "  curl -d '{RECORD}' -H 'Content-Type: application/json' -H \"Authorization: Bearer $(cat '{}')\" \\",
            token_file.display()
        )?;
        writeln!(f, "    {url}/api/v1/publish/prediction/hello\n")?;
        writeln!(f, "Ctrl-C stops; what was published stays.")
    }
}

const RECORD: &str = r#"{"model":"hello","prediction":"yes","confidence":0.9,"actual":"yes"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_leads_to_the_dashboard_and_keeps_a_given_token_to_itself() {
        let data = tempfile::tempdir().unwrap();
        let token_file = data.path().join("admin.token");
        std::fs::write(&token_file, "twa_from_file\n").unwrap();
        let running = RunFile {
            pid: 1,
            version: "0.1.0".into(),
            listen: "127.0.0.1:8080".into(),
            url: "http://127.0.0.1:8080".into(),
            nats_url: "nats://127.0.0.1:4222".into(),
            root: "tw".into(),
            data: data.path().into(),
            token_file,
            server_warning: Some("nats-server 2.9.10: a power cut may cost two minutes".into()),
        };
        let minted = Banner { running: &running, token_was_given: false }.to_string();
        assert!(minted.contains("http://127.0.0.1:8080/#token=twa_from_file\n"), "{minted}");
        assert!(minted.contains("tw.in.prediction.hello") && minted.contains("may cost two minutes"), "{minted}");
        let shown = Banner { running: &running, token_was_given: true }.to_string();
        assert!(!shown.contains("twa_from_file"), "{shown}");
    }
}
