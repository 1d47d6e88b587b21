//! The names of the figures.

use serde::{Deserialize, Serialize};

/// A figure's name, as the interfaces spell it. Per-class figures are `precision/<class>` and so on, built by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// Failed predictions among all.
    ErrorRate,
    /// Classification: right answers among labelled; regression: predictions within 10 % of the truth.
    Accuracy,
    BalancedAccuracy,
    Precision,
    Recall,
    F1,
    PrecisionMacro,
    RecallMacro,
    F1Macro,
    PrecisionMicro,
    RecallMicro,
    F1Micro,
    PrecisionWeighted,
    RecallWeighted,
    F1Weighted,
    Fpr,
    Fnr,
    Specificity,
    Mcc,
    CohenKappa,
    RocAuc,
    PrAuc,
    LogLoss,
    Brier,
    Ece,
    Mce,
    Mae,
    Mse,
    Rmse,
    /// A fraction, not percent.
    Mape,
    /// In percent, 0 to 200.
    Smape,
    R2,
    /// Mean of prediction minus truth.
    Bias,
    MaxError,
    MedianAe,
}

impl MetricName {
    pub const ALL: [Self; 35] = [
        Self::ErrorRate,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::Precision,
        Self::Recall,
        Self::F1,
        Self::PrecisionMacro,
        Self::RecallMacro,
        Self::F1Macro,
        Self::PrecisionMicro,
        Self::RecallMicro,
        Self::F1Micro,
        Self::PrecisionWeighted,
        Self::RecallWeighted,
        Self::F1Weighted,
        Self::Fpr,
        Self::Fnr,
        Self::Specificity,
        Self::Mcc,
        Self::CohenKappa,
        Self::RocAuc,
        Self::PrAuc,
        Self::LogLoss,
        Self::Brier,
        Self::Ece,
        Self::Mce,
        Self::Mae,
        Self::Mse,
        Self::Rmse,
        Self::Mape,
        Self::Smape,
        Self::R2,
        Self::Bias,
        Self::MaxError,
        Self::MedianAe,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ErrorRate => "error_rate",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::F1 => "f1",
            Self::PrecisionMacro => "precision_macro",
            Self::RecallMacro => "recall_macro",
            Self::F1Macro => "f1_macro",
            Self::PrecisionMicro => "precision_micro",
            Self::RecallMicro => "recall_micro",
            Self::F1Micro => "f1_micro",
            Self::PrecisionWeighted => "precision_weighted",
            Self::RecallWeighted => "recall_weighted",
            Self::F1Weighted => "f1_weighted",
            Self::Fpr => "fpr",
            Self::Fnr => "fnr",
            Self::Specificity => "specificity",
            Self::Mcc => "mcc",
            Self::CohenKappa => "cohen_kappa",
            Self::RocAuc => "roc_auc",
            Self::PrAuc => "pr_auc",
            Self::LogLoss => "log_loss",
            Self::Brier => "brier",
            Self::Ece => "ece",
            Self::Mce => "mce",
            Self::Mae => "mae",
            Self::Mse => "mse",
            Self::Rmse => "rmse",
            Self::Mape => "mape",
            Self::Smape => "smape",
            Self::R2 => "r2",
            Self::Bias => "bias",
            Self::MaxError => "max_error",
            Self::MedianAe => "median_ae",
        }
    }

    /// The figure of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_serialised_as_it_is_spelt() {
        for metric in MetricName::ALL {
            assert_eq!(MetricName::from_name(metric.as_str()), Some(metric));
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.as_str());
        }
    }
}
