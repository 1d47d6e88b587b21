//! `tidewatch completions`: what a shell needs to complete our commands and flags.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{Outcome, command, print};

/// Print completions for a shell
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch completions bash > ~/.local/share/bash-completion/completions/tidewatch
  tidewatch completions zsh > ~/.zfunc/_tidewatch            with fpath+=~/.zfunc before compinit in ~/.zshrc
  tidewatch completions fish > ~/.config/fish/completions/tidewatch.fish")]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Outcome {
        let mut script = Vec::new();
        generate(self.shell, &mut command(), "tidewatch", &mut script);
        print(&String::from_utf8(script)?)
    }
}
