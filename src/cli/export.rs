//! `tidewatch export`: a trained model in the format of others.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::predict::read_artifact;
use super::train::write;
use super::{Answer, Outcome};
use crate::train::onnx;

/// Write a trained model as ONNX
///
/// Trees become a TreeEnsembleRegressor, weighted sums a LinearRegressor (ai.onnx.ml 3). The input `numbers` are the columns of the table as numbers,
/// NaN for a gap, in the order that the file's metadata and --json name; categories are 0 or 1 for each. Outputs are `label` (the number of
/// the class) and `shares`, or `quantity`.
#[derive(Args)]
#[command(after_help = "\
Categories have to be columns of 0 and 1: train with --param encoding=one_hot. Models of other kinds are refused by name.

Examples:
  tidewatch train train.csv --label churned --param encoding=one_hot --out churn.model
  tidewatch export --artifact churn.model --onnx churn.onnx

Exit codes: 0 written, 1 failure, 2 wrong usage.")]
pub struct Export {
    /// The model, as `tidewatch train --out` wrote it
    #[arg(long, value_name = "FILE")]
    artifact: PathBuf,
    /// Where to write the ONNX file
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
}

#[derive(Serialize)]
struct Written {
    onnx: PathBuf,
    bytes: usize,
    numbers: Vec<String>,
}

impl Export {
    pub fn run(self, answer: Answer) -> Outcome {
        let artifact = read_artifact(&self.artifact)?;
        let bytes = onnx::export(&artifact).with_context(|| format!("cannot export {}", self.artifact.display()))?;
        write(&self.onnx, &bytes)?;
        let written = Written { onnx: self.onnx, bytes: bytes.len(), numbers: artifact.features.numbers() };
        answer.give(&written, |written| format!("{}: {} bytes", written.onnx.display(), written.bytes))
    }
}
