//! `tidewatch man`: the manual, made of the same words as the help.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use clap_mangen::Man as Page;

use super::{Exit, Outcome, command, print};

/// Print the manual page of a command, or write all of them
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch man | man -l -                       this manual
  tidewatch man check | man -l -                 that of one command
  tidewatch man --out /usr/local/share/man/man1  one file for each command")]
pub struct Man {
    /// Of which command; of `tidewatch` itself if left out
    command: Vec<String>,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> Outcome {
        let whole = command().disable_help_subcommand(true);
        if let Some(directory) = self.out {
            std::fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
            clap_mangen::generate_to(whole, &directory)
                .with_context(|| format!("cannot write the pages into {}", directory.display()))?;
            return Ok(());
        }
        let mut found = whole;
        found.build();
        for name in &self.command {
            let below = found.find_subcommand(name).cloned();
            found =
                below.ok_or_else(|| Exit::Usage.because(anyhow!("there is no command {name:?}; see `tidewatch --help`")))?;
        }
        let mut page = Vec::new();
        Page::new(found).render(&mut page)?;
        print(&String::from_utf8(page)?)
    }
}
