//! A trained model as ONNX: trees as `TreeEnsembleRegressor` and weighted sums as `LinearRegressor` of `ai.onnx.ml` 3, then what the scores mean in
//! plain operators. What has no such form is refused by name.
//!
//! The input `numbers` are the columns of the table as numbers, in single precision: as they stand, with NaN for a gap, and 0 or 1 for each category;
//! their names and order stand in the metadata. Outputs are `quantity`, or `label` (the number of the class) and `shares`.

mod message;
mod prepare;

use prost::Message;
use tidewatch_core::stats::boosting::{self, Model, Node};

use crate::artifact::{Artifact, SHARE_STEPS};
use crate::classical::{Linear, Link};
use crate::learner::Learner;
use message::{Attribute, Graph, ModelMessage, NodeMessage, OperatorSet, Property, Tensor, ValueInfo};

/// Versions of the operator sets, and of the format they belong to.
const OPERATORS: i64 = 13;
const LEARNERS: i64 = 3;
const FORMAT: i64 = 8;
const OF_LEARNERS: &str = "ai.onnx.ml";
/// The name of the input.
const NUMBERS: &str = "numbers";

/// Why a model has no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0} has no form in ONNX: only trees and weighted sums do")]
    Learner(&'static str),
    #[error("feature {0:?} is split by sets of categories, which ONNX's trees cannot: train with encoding=one_hot")]
    Categories(String),
}

/// What the raw scores mean.
enum Meaning {
    Quantity,
    /// Logarithms of odds of the second of two classes.
    Odds,
    /// Logarithms of shares.
    Logarithms,
    /// Logarithms of odds of each class against the others.
    OneAgainstRest,
    /// The share of the second of two classes.
    Share,
    Shares,
}

/// The bytes of the ONNX file of a model.
pub fn export(artifact: &Artifact) -> Result<Vec<u8>, Error> {
    let names = artifact.features.numbers();
    let mut graph =
        Graph { name: "tidewatch".to_owned(), input: vec![ValueInfo::floats(NUMBERS, names.len())], ..Graph::default() };
    let prepared = prepare::prepare(&mut graph, &artifact.features);
    let (node, outputs, meaning) = match &artifact.learner {
        Learner::Trees(model) => trees(model, prepared, &artifact.features.outputs())?,
        Learner::Linear(linear) => sums(linear, prepared),
        _ => return Err(Error::Learner(artifact.algorithm.as_str())),
    };
    graph.node.push(node);
    explain(&mut graph, &meaning, artifact.task.classes().map_or(outputs, <[String]>::len));
    let mut properties = vec![Property::new(NUMBERS, names.join("\n"))];
    if let Some(classes) = artifact.task.classes() {
        properties.push(Property::new("classes", classes.join("\n")));
    }
    let message = ModelMessage {
        ir_version: FORMAT,
        producer_name: "tidewatch".to_owned(),
        producer_version: artifact.lineage.code_version.clone(),
        graph: Some(graph),
        opset_import: vec![OperatorSet::new("", OPERATORS), OperatorSet::new(OF_LEARNERS, LEARNERS)],
        metadata_props: properties,
    };
    Ok(message.encode_to_vec())
}

/// The ensemble of all trees, how many outputs it has, and what they mean.
fn trees(model: &Model, input: &str, names: &[String]) -> Result<(NodeMessage, usize, Meaning), Error> {
    let outputs = model.base().len();
    let mut flat = Flat::default();
    for (number, tree) in model.trees().iter().enumerate() {
        for (place, node) in tree.0.iter().enumerate() {
            flat.add(number as i64, place as i64, node, (number % outputs) as i64, names)?;
        }
    }
    let meaning = match model.link() {
        boosting::Link::Identity => Meaning::Quantity,
        boosting::Link::Logistic => Meaning::Odds,
        boosting::Link::Softmax => Meaning::Logarithms,
        boosting::Link::Shares if outputs == 1 => Meaning::Share,
        boosting::Link::Shares => Meaning::Shares,
    };
    let base = model.base().iter().map(|base| *base as f32).collect();
    Ok((flat.node(input, outputs as i64, base), outputs, meaning))
}

/// All nodes of all trees, as the operator lists them.
#[derive(Default)]
struct Flat {
    trees: Vec<i64>,
    nodes: Vec<i64>,
    features: Vec<i64>,
    modes: Vec<String>,
    values: Vec<f32>,
    left: Vec<i64>,
    right: Vec<i64>,
    missing_left: Vec<i64>,
    target_trees: Vec<i64>,
    target_nodes: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f32>,
}

impl Flat {
    fn add(&mut self, tree: i64, place: i64, node: &Node, output: i64, names: &[String]) -> Result<(), Error> {
        let (feature, mode, value, left, right, missing_left) = match node {
            Node::Leaf(value) => {
                self.target_trees.push(tree);
                self.target_nodes.push(place);
                self.targets.push(output);
                self.weights.push(*value);
                (0, "LEAF", 0.0, 0, 0, false)
            }
            Node::Number(feature, below, missing_left, left) => {
                (*feature, "BRANCH_LT", *below, i64::from(*left), i64::from(*left) + 1, *missing_left)
            }
            Node::Codes(feature, ..) => return Err(Error::Categories(names[usize::from(*feature)].clone())),
        };
        self.trees.push(tree);
        self.nodes.push(place);
        self.features.push(i64::from(feature));
        self.modes.push(mode.to_owned());
        self.values.push(value);
        self.left.push(left);
        self.right.push(right);
        self.missing_left.push(i64::from(missing_left));
        Ok(())
    }

    fn node(self, input: &str, outputs: i64, base: Vec<f32>) -> NodeMessage {
        NodeMessage::of(
            "TreeEnsembleRegressor",
            OF_LEARNERS,
            &[input],
            "scores",
            vec![
                Attribute::ints("nodes_treeids", self.trees),
                Attribute::ints("nodes_nodeids", self.nodes),
                Attribute::ints("nodes_featureids", self.features),
                Attribute::texts("nodes_modes", self.modes),
                Attribute::floats("nodes_values", self.values),
                Attribute::ints("nodes_truenodeids", self.left),
                Attribute::ints("nodes_falsenodeids", self.right),
                Attribute::ints("nodes_missing_value_tracks_true", self.missing_left),
                Attribute::ints("target_treeids", self.target_trees),
                Attribute::ints("target_nodeids", self.target_nodes),
                Attribute::ints("target_ids", self.targets),
                Attribute::floats("target_weights", self.weights),
                Attribute::int("n_targets", outputs),
                Attribute::floats("base_values", base),
                Attribute::text("aggregate_function", "SUM"),
                Attribute::text("post_transform", "NONE"),
            ],
        )
    }
}

fn sums(linear: &Linear, input: &str) -> (NodeMessage, usize, Meaning) {
    let outputs = linear.intercepts.len();
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
    let node = NodeMessage::of(
        "LinearRegressor",
        OF_LEARNERS,
        &[input],
        "scores",
        vec![
            Attribute::floats("coefficients", single(&linear.weights.concat())),
            Attribute::floats("intercepts", single(&linear.intercepts)),
            Attribute::int("targets", outputs as i64),
            Attribute::text("post_transform", "NONE"),
        ],
    );
    let meaning = match linear.link {
        Link::Identity => Meaning::Quantity,
        Link::Logistic => Meaning::Odds,
        Link::Softmax => Meaning::Logarithms,
        Link::OneAgainstRest => Meaning::OneAgainstRest,
    };
    (node, outputs, meaning)
}

/// Adds what turns `scores` into answers.
fn explain(graph: &mut Graph, meaning: &Meaning, classes: usize) {
    let plain = |kind, inputs: &[&str], output, attributes| NodeMessage::of(kind, "", inputs, output, attributes);
    let second = match meaning {
        Meaning::Quantity => {
            graph.node.push(plain("Identity", &["scores"], "quantity", Vec::new()));
            graph.output = vec![ValueInfo::floats("quantity", 1)];
            return;
        }
        Meaning::Odds => {
            graph.node.push(plain("Sigmoid", &["scores"], "second", Vec::new()));
            Some("second")
        }
        Meaning::Share => Some("scores"),
        Meaning::Logarithms => {
            graph.node.push(plain("Softmax", &["scores"], "shares", vec![Attribute::int("axis", 1)]));
            None
        }
        Meaning::OneAgainstRest => {
            graph.node.push(plain("Sigmoid", &["scores"], "parts", Vec::new()));
            normalize(graph, "parts", classes);
            None
        }
        Meaning::Shares => {
            normalize(graph, "scores", classes);
            None
        }
    };
    if let Some(second) = second {
        graph.initializer.push(Tensor::float("one", 1.0));
        graph.node.push(plain("Sub", &["one", second], "first", Vec::new()));
        graph.node.push(plain("Concat", &["first", second], "shares", vec![Attribute::int("axis", 1)]));
    }
    // as `largest` counts shares
    graph.initializer.push(Tensor::float("steps", SHARE_STEPS as f32));
    graph.node.push(plain("Mul", &["shares", "steps"], "in_steps", Vec::new()));
    graph.node.push(plain("Round", &["in_steps"], "rounded", Vec::new()));
    let keep = vec![Attribute::int("axis", 1), Attribute::int("keepdims", 0)];
    graph.node.push(plain("ArgMax", &["rounded"], "label", keep));
    graph.output = vec![ValueInfo::numbers("label"), ValueInfo::floats("shares", classes)];
}

/// Adds what makes `parts` add up to 1 as `shares`; equal ones where all parts are 0.
fn normalize(graph: &mut Graph, parts: &str, classes: usize) {
    let plain = |kind, inputs: &[&str], output| NodeMessage::of(kind, "", inputs, output, Vec::new());
    graph.initializer.push(Tensor::numbers("axes", vec![1]));
    graph.initializer.push(Tensor::float("nothing", 0.0));
    graph.initializer.push(Tensor::float("equal", (classes as f32).recip()));
    graph.node.push(plain("ReduceSum", &[parts, "axes"], "sum"));
    graph.node.push(plain("Div", &[parts, "sum"], "quotients"));
    graph.node.push(plain("Greater", &["sum", "nothing"], "is_any"));
    graph.node.push(plain("Where", &["is_any", "quotients", "equal"], "shares"));
}

#[cfg(test)]
mod tests;
