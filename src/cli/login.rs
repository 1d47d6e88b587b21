//! `tidewatch login`: a link that signs a browser in, and the same for the camera of a phone.

use clap::Args;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use super::api::Target;
use super::token::shown;
use super::{Answer, Outcome};

/// Print a link that signs a browser in to the dashboard, and a QR code of it
#[derive(Args)]
#[command(after_help = "\
The link signs in once, within ten minutes, as the token that this command uses. A viewer's link can be
given to others: it only reads, works any number of times until it expires, and `token revoke` ends it.

Examples:
  tidewatch login
  tidewatch login --url https://tidewatch.example --token-file token
  tidewatch login --viewer --expires-in 24h --name \"weekly review\"")]
pub struct Login {
    /// Make a link for others, which only reads
    #[arg(long)]
    viewer: bool,
    /// How long a viewer's link is valid, as 30m, 24h or 7d
    #[arg(long, value_name = "SPAN", default_value = "24h", requires = "viewer")]
    expires_in: String,
    /// Whose a viewer's link is
    #[arg(long, default_value = "link", requires = "viewer")]
    name: String,
    /// Print no QR code
    #[arg(long)]
    no_qr: bool,
    #[command(flatten)]
    target: Target,
}

impl Login {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let (path, made) = if self.viewer {
            let wanted = json!({ "name": self.name, "role": "viewer", "expires_in": self.expires_in });
            let made = api.post("/api/v1/tokens", &wanted).await?;
            (made["link"].clone(), made)
        } else {
            let made = api.post("/api/v1/session/links", &Value::Null).await?;
            (made["path"].clone(), made)
        };
        let link = format!("{}{}", api.url(), shown(&path));
        let told = json!({ "url": link, "expires_at": made["expires_at"], "token_id": made["id"] });
        let note = match self.viewer {
            true => {
                format!("reads until {}; `tidewatch token revoke {}` ends it", shown(&made["expires_at"]), shown(&made["id"]))
            }
            false => format!("signs one browser in, until {}", shown(&made["expires_at"])),
        };
        answer.give(&told, |_| {
            let code = if self.no_qr { String::new() } else { qr(&link) };
            format!("{link}\n({note}){}\n{code}", elsewhere(&link))
        })
    }
}

/// A phone cannot reach a server that listens to its own machine only.
fn elsewhere(link: &str) -> &'static str {
    let is_local = ["//127.", "//localhost", "//[::1]", "//0.0.0.0"].iter().any(|host| link.contains(host));
    if is_local { "\nThis address works on this machine; for a phone name one that it can reach with --url." } else { "" }
}

/// Dark on light, as cameras want it, whatever the colours of the terminal.
fn qr(link: &str) -> String {
    QrCode::new(link).map_or_else(
        |_| String::new(),
        |code| code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_a_square_and_a_local_address_is_said_to_be_one() {
        let code = qr("http://127.0.0.1:8080/#login=h3k9w2m8q4z7x5c6v8b2n4j6f3d9s7a5");
        let widths: Vec<usize> = code.lines().map(|line| line.chars().count()).collect();
        assert!(20 < widths.len() && widths.iter().all(|width| *width == widths[0]), "{widths:?}");
        assert!(elsewhere("http://127.0.0.1:8080/#login=x").contains("--url"));
        assert_eq!(elsewhere("https://tidewatch.example/#login=x"), "");
    }
}
