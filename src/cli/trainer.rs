//! `tidewatch trainer`: trains one model for a server, which starts it and speaks to it by its input and output.

use std::io::{BufReader, BufWriter};

use clap::Args;

use super::Outcome;
use crate::memory;
use crate::train::job::work;

/// Train one model for a server, which starts this command by itself
#[derive(Args)]
pub struct Trainer {}

impl Trainer {
    pub fn run(self) -> Outcome {
        memory::lower_priority();
        let (mut input, mut output) = (BufReader::new(std::io::stdin().lock()), BufWriter::new(std::io::stdout().lock()));
        let order = work::order(&mut input)?;
        memory::limit(order.memory);
        Ok(work::run(&order, &mut input, &mut output)?)
    }
}
