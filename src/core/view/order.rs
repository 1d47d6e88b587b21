//! The order of a list of models, spelt alike by the routes, the WebSocket and the command line.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// What models can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What needs attention first.
    Status,
    Name,
    Predictions,
    Accuracy,
    ErrorRate,
    P95Seconds,
    ThroughputPerSecond,
    Coverage,
    Drift,
    LastPredictionAt,
}

/// A figure, smallest first; with `-` before its name the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: Figure,
    pub descending: bool,
}

/// A text that is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOrder(String);

impl Figure {
    pub const ALL: [Self; 10] = [
        Self::Status,
        Self::Name,
        Self::Predictions,
        Self::Accuracy,
        Self::ErrorRate,
        Self::P95Seconds,
        Self::ThroughputPerSecond,
        Self::Coverage,
        Self::Drift,
        Self::LastPredictionAt,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Name => "name",
            Self::Predictions => "predictions",
            Self::Accuracy => "accuracy",
            Self::ErrorRate => "error_rate",
            Self::P95Seconds => "p95_seconds",
            Self::ThroughputPerSecond => "throughput_per_second",
            Self::Coverage => "coverage",
            Self::Drift => "drift",
            Self::LastPredictionAt => "last_prediction_at",
        }
    }
}

impl Order {
    pub const fn rising(by: Figure) -> Self {
        Self { by, descending: false }
    }

    pub const fn falling(by: Figure) -> Self {
        Self { by, descending: true }
    }

    /// Compares two figures. What is not known comes last, whichever way the order points.
    pub fn compare(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        }
    }
}

/// Where a status stands in an order: what is known to be wrong comes before what is not known, and that before what is well.
pub fn rank(status: &str) -> u8 {
    match status {
        "critical" => 0,
        "warning" => 1,
        "training" => 3,
        "healthy" => 4,
        _ => 2,
    }
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Self, UnknownOrder> {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let found = Figure::ALL.into_iter().find(|figure| figure.as_str() == name);
        found.map(|by| Self { by, descending }).ok_or_else(|| UnknownOrder(text.to_owned()))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.as_str())
    }
}

impl fmt::Display for UnknownOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Figure::ALL.map(Figure::as_str).join(", ");
        write!(f, "sort is one of {known}, each with - before it too (the largest first), not {:?}", self.0)
    }
}

impl std::error::Error for UnknownOrder {}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_is_written_and_nothing_else_is_one() {
        for by in Figure::ALL {
            for order in [Order::rising(by), Order::falling(by)] {
                assert_eq!(order.to_string().parse(), Ok(order));
            }
        }
        for bad in ["", "-", "--name", "Name", "p95"] {
            assert!(bad.parse::<Order>().unwrap_err().to_string().contains("p95_seconds"), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_known_comes_last_both_ways() {
        for order in [Order::rising(Figure::Drift), Order::falling(Figure::Drift)] {
            assert_eq!(order.compare(None, Some(0.1)), Ordering::Greater);
            assert_eq!(order.compare(Some(0.1), None), Ordering::Less);
        }
        assert_eq!(Order::falling(Figure::Drift).compare(Some(0.1), Some(0.2)), Ordering::Greater);
    }
}
