//! What is done to the numbers of a row before the learner sees them: gaps are filled, numbers scaled, multiplied and chosen, as
//! `Features::encode` does it.

use super::message::{Attribute, Graph, NodeMessage, Tensor};
use super::{NUMBERS, OF_LEARNERS};
use crate::features::Features;

/// Adds the steps to the graph. The name of what the learner takes.
pub fn prepare(graph: &mut Graph, features: &Features) -> &'static str {
    let mut current = NUMBERS;
    if !features.scales().is_empty() {
        current = fill_and_scale(graph, features);
    }
    if !features.interactions().is_empty() {
        current = multiply(graph, features.interactions(), current);
    }
    if let Some(kept) = features.kept() {
        current = gather(graph, current, kept.iter().copied(), "kept");
    }
    current
}

fn fill_and_scale(graph: &mut Graph, features: &Features) -> &'static str {
    let by_number = |of: fn(&crate::features::Scale) -> f64| features.scales().iter().map(|scale| of(scale) as f32).collect();
    let gaps = vec![
        Attribute::floats("imputed_value_floats", by_number(|scale| scale.fill)),
        Attribute::float("replaced_value_float", f32::NAN),
    ];
    graph.node.push(NodeMessage::of("Imputer", OF_LEARNERS, &[NUMBERS], "filled", gaps));
    let scales = vec![
        Attribute::floats("offset", by_number(|scale| scale.mean)),
        Attribute::floats("scale", by_number(|scale| 1.0 / scale.deviation)),
    ];
    graph.node.push(NodeMessage::of("Scaler", OF_LEARNERS, &["filled"], "scaled", scales));
    "scaled"
}

fn multiply(graph: &mut Graph, pairs: &[(u32, u32)], current: &str) -> &'static str {
    let left = gather(graph, current, pairs.iter().map(|pair| pair.0), "left");
    let right = gather(graph, current, pairs.iter().map(|pair| pair.1), "right");
    graph.node.push(NodeMessage::of("Mul", "", &[left, right], "products", Vec::new()));
    let columns = vec![Attribute::int("axis", 1)];
    graph.node.push(NodeMessage::of("Concat", "", &[current, "products"], "with_products", columns));
    "with_products"
}

/// Adds the choice of the numbers at `places`, as `output`.
fn gather(graph: &mut Graph, current: &str, places: impl Iterator<Item = u32>, output: &'static str) -> &'static str {
    let name = format!("{output}_places");
    graph.initializer.push(Tensor::numbers(&name, places.map(i64::from).collect()));
    let columns = vec![Attribute::int("axis", 1)];
    graph.node.push(NodeMessage::of("Gather", "", &[current, &name], output, columns));
    output
}
