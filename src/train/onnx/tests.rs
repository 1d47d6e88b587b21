//! What is written must be what the format says. `ops/test onnx` compares the answers with those of onnxruntime.

use prost::Message;

use super::message::ModelMessage;
use super::*;
use crate::parameters::{Algorithm, Given};
use crate::table::Table;
use crate::training::{Order, train};
use crate::workers::Pool;

fn artifact(algorithm: Algorithm) -> Artifact {
    let x: Vec<f64> = (0..600).map(|row| f64::from(row % 60)).collect();
    let other: Vec<f64> = (0..600).map(|row| if row % 7 == 0 { f64::NAN } else { f64::from(row * 31 % 17) }).collect();
    let label = x.iter().enumerate().map(|(row, x)| f64::from(u8::from((30.0 < *x) != (row % 9 == 0)))).collect();
    let table = Table::of_numbers(vec![("x".to_owned(), x), ("other".to_owned(), other), ("label".to_owned(), label)]);
    let parameters = Given::new();
    let order = Order { label: "label", task: None, algorithm, parameters: &parameters, allowed: &[], search: None };
    train(&table, None, &order, &Pool::new(1), &mut |_, _| true).unwrap().artifact
}

#[test]
fn every_split_and_leaf_is_in_the_ensemble() {
    let artifact = artifact(Algorithm::GradientBoosting);
    let message = ModelMessage::decode(export(&artifact).unwrap().as_slice()).unwrap();
    let graph = message.graph.unwrap();
    let ensemble = &graph.node[0];
    assert_eq!((ensemble.op_type.as_str(), ensemble.domain.as_str()), ("TreeEnsembleRegressor", "ai.onnx.ml"));
    let attribute = |name: &str| ensemble.attribute.iter().find(|attribute| attribute.name == name).unwrap();
    let Learner::Trees(model) = &artifact.learner else { panic!("trees") };
    let nodes: usize = model.trees().iter().map(|tree| tree.0.len()).sum();
    for name in ["nodes_treeids", "nodes_featureids", "nodes_truenodeids", "nodes_missing_value_tracks_true"] {
        assert_eq!(attribute(name).ints.len(), nodes, "{name}");
    }
    assert_eq!(attribute("nodes_modes").strings.len(), nodes);
    let leaves = attribute("nodes_modes").strings.iter().filter(|mode| mode.as_slice() == b"LEAF").count();
    assert_eq!(attribute("target_weights").floats.len(), leaves);
    assert_eq!(graph.output.iter().map(|output| output.name.as_str()).collect::<Vec<_>>(), ["label", "shares"]);
    assert_eq!(message.metadata_props[0].value, "x\nother");
}

#[test]
fn weighted_sums_are_written_and_others_are_refused_by_name() {
    let message = ModelMessage::decode(export(&artifact(Algorithm::LogisticRegression)).unwrap().as_slice()).unwrap();
    let operators: Vec<String> = message.graph.unwrap().node.into_iter().map(|node| node.op_type).collect();
    assert_eq!(operators[..3], ["Imputer", "Scaler", "LinearRegressor"]);
    assert_eq!(export(&artifact(Algorithm::Knn)), Err(Error::Learner("knn")));
}
