//! Four models and what befalls them: `fraud` drifts, the labels of `churn` are late, `sales_forecast` predicts amounts, `ctr`
//! fails at times.

use serde_json::{Map, Value, json};

use super::chance::Chance;
use super::{Record, TICK, Tick};
use crate::event::Kind;
use crate::time::{Span, Timestamp};

/// The longest a label of any model takes, in seconds.
pub const LABEL_DELAY_MAX: f64 = 900.0;

/// Of every `FRAUD_CYCLE` seconds, fraud of a new kind appears in the last `FRAUD_DRIFT`.
const FRAUD_CYCLE: i64 = 2_400;
const FRAUD_DRIFT: i64 = 720;

/// Of every `CTR_CYCLE` seconds, the service behind `ctr` is sick in the last `CTR_OUTAGE`.
const CTR_CYCLE: i64 = 1_500;
const CTR_OUTAGE: i64 = 180;

/// One prediction and, if it will ever be known, its truth.
pub struct Served {
    pub prediction: Record,
    /// When the label is published, and the label.
    pub label: Option<(Timestamp, Record)>,
}

/// What a model says in one moment.
struct Said {
    model: &'static str,
    version: &'static str,
    features: Value,
    /// `None`: the prediction failed.
    value: Option<Value>,
    positive: Option<(&'static str, &'static str, f64)>,
    response_time: f64,
    segment: Value,
    /// The truth and the seconds until it is known.
    truth: Option<(Value, f64)>,
}

/// All predictions of one tick, in the order of their time. A function of its arguments and of nothing else.
pub fn served(seed: u64, rate: f64, tick: Tick) -> Vec<Served> {
    let per_tick = rate * TICK.secs_f64();
    let count = ((tick + 1) as f64 * per_tick).floor() as i64 - (tick as f64 * per_tick).floor() as i64;
    let step = TICK.micros() / count.max(1);
    (0..count)
        .map(|index| {
            let mut chance = Chance::at(seed, &[tick, index]);
            let at = Timestamp::from_micros(tick * TICK.micros() + index * step);
            let second = at.micros() / 1_000_000;
            let model = chance.pick(&[(0, 0.4), (1, 0.25), (2, 0.2), (3, 0.15)]);
            let said = match model {
                0 => fraud(&mut chance, second),
                1 => churn(&mut chance),
                2 => sales_forecast(&mut chance, second),
                _ => ctr(&mut chance, second),
            };
            said.into_records(at, &format!("{tick:x}-{index}"))
        })
        .collect()
}

fn fraud(chance: &mut Chance, second: i64) -> Said {
    let drifting = FRAUD_CYCLE - FRAUD_DRIFT <= second.rem_euclid(FRAUD_CYCLE);
    let region = chance.pick(&[("eu", 0.5), ("us", 0.35), ("apac", 0.15)]);
    let device = chance.pick(&[("web", 0.5), ("mobile", 0.4), ("api", 0.1)]);
    let version = chance.pick(&[("v3", 0.8), ("v4", 0.2)]);
    // The new kind of fraud: larger amounts through the API, which the model does not know.
    let unknown = drifting && chance.hits(0.25);
    let amount = chance.log_normal(if unknown { 260.0 } else { 42.0 }, 0.9);
    let (distance, attempts) = (chance.log_normal(8.0, 1.2), chance.between(0.0, 5.0).floor());
    let logit = -4.2 + 0.004 * amount + 0.05 * distance + 0.45 * attempts;
    let score = sigmoid(logit + if version == "v4" { 0.1 } else { 0.0 });
    let is_fraud = chance.hits(if unknown { 0.7 } else { score });
    let truth = chance.hits(0.95).then(|| (json!(if is_fraud { "fraud" } else { "ok" }), chance.between(15.0, 60.0)));
    Said {
        model: "fraud",
        version,
        features: json!({ "amount": round(amount), "distance_km": round(distance), "attempts": attempts, "device": device }),
        value: None,
        positive: Some(("fraud", "ok", score)),
        response_time: chance.log_normal(0.018, 0.4),
        segment: json!({ "region": region, "device": device }),
        truth,
    }
}

fn churn(chance: &mut Chance) -> Said {
    let plan = chance.pick(&[("basic", 0.6), ("pro", 0.3), ("team", 0.1)]);
    let (tenure, tickets, usage) = (chance.between(0.0, 60.0).floor(), chance.log_normal(1.0, 0.8).floor(), chance.normal());
    let score = sigmoid(0.6 - 0.04 * tenure + 0.5 * tickets - 0.8 * usage);
    let leaves = chance.hits(score);
    let truth =
        chance.hits(0.7).then(|| (json!(if leaves { "leave" } else { "stay" }), chance.between(300.0, LABEL_DELAY_MAX)));
    Said {
        model: "churn",
        version: "2026-06",
        features: json!({ "tenure_months": tenure, "tickets": tickets, "usage": round(usage), "plan": plan }),
        value: None,
        positive: Some(("leave", "stay", score)),
        response_time: chance.log_normal(0.045, 0.3),
        segment: json!({ "plan": plan }),
        truth,
    }
}

fn sales_forecast(chance: &mut Chance, second: i64) -> Said {
    let region = chance.pick(&[("north", 0.4), ("south", 0.35), ("island", 0.25)]);
    let hour = second.rem_euclid(86_400) as f64 / 3_600.0;
    let (promotion, temperature) = (chance.hits(0.2), 15.0 + 8.0 * day(hour) + 2.0 * chance.normal());
    let expected = 900.0 + 500.0 * day(hour) + if promotion { 260.0 } else { 0.0 } + 6.0 * temperature;
    let sold = expected * (1.0 + 0.06 * chance.normal()) * if region == "island" { 0.93 } else { 1.0 };
    let truth = chance.hits(0.98).then(|| (json!(round(sold)), chance.between(60.0, 120.0)));
    Said {
        model: "sales_forecast",
        version: chance.pick(&[("1.8.0", 0.9), ("1.9.0-rc1", 0.1)]),
        features: json!({ "hour": round(hour), "promotion": promotion, "temperature": round(temperature) }),
        value: Some(json!(round(expected))),
        positive: None,
        response_time: chance.log_normal(0.12, 0.5),
        segment: json!({ "region": region }),
        truth,
    }
}

fn ctr(chance: &mut Chance, second: i64) -> Said {
    let sick = CTR_CYCLE - CTR_OUTAGE <= second.rem_euclid(CTR_CYCLE);
    let device = chance.pick(&[("mobile", 0.7), ("desktop", 0.25), ("tv", 0.05)]);
    let (position, affinity) = (chance.between(1.0, 9.0).floor(), chance.normal());
    let score = sigmoid(-1.4 - 0.15 * position + 1.1 * affinity);
    let clicked = chance.hits(score);
    let failed = chance.hits(if sick { 0.35 } else { 0.004 });
    let truth = (!failed).then(|| (json!(if clicked { "click" } else { "skip" }), chance.between(5.0, 30.0)));
    Said {
        model: "ctr",
        version: "r42",
        features: json!({ "position": position, "affinity": round(affinity), "device": device }),
        value: None,
        positive: (!failed).then_some(("click", "skip", score)),
        response_time: chance.log_normal(if sick { 0.09 } else { 0.009 }, if sick { 0.9 } else { 0.35 }),
        segment: json!({ "device": device }),
        truth,
    }
}

impl Said {
    fn into_records(self, at: Timestamp, id: &str) -> Served {
        let id = format!("{}-{id}", self.model);
        let mut body = Map::new();
        body.insert("prediction_id".into(), json!(id));
        body.insert("model".into(), json!(self.model));
        body.insert("model_version".into(), json!(self.version));
        body.insert("at".into(), json!(at.to_string()));
        body.insert("features".into(), self.features);
        if let Some(value) = &self.value {
            body.insert("prediction".into(), value.clone());
        }
        if let Some((yes, no, score)) = self.positive {
            body.insert("prediction".into(), json!(if score < 0.5 { no } else { yes }));
            body.insert("confidence".into(), json!(round(score.max(1.0 - score))));
            body.insert("scores".into(), json!({ yes: round(score), no: round(1.0 - round(score)) }));
        }
        if self.value.is_none() && self.positive.is_none() {
            body.insert("error".into(), json!("feature store timed out"));
        }
        body.insert("response_time".into(), json!((self.response_time * 1e6).round() / 1e6));
        body.insert("segment".into(), self.segment);
        let label = self.truth.map(|(actual, delay)| {
            let at = at + Span::from_micros((delay * 1e6) as i64);
            let body = json!({ "prediction_id": id, "model": self.model, "actual": actual, "at": at.to_string() });
            (at, Record { kind: Kind::Label, source: self.model, at, body })
        });
        Served { prediction: Record { kind: Kind::Prediction, source: self.model, at, body: Value::Object(body) }, label }
    }
}

/// 0 at three at night, 1 at three in the afternoon.
pub fn day(hour: f64) -> f64 {
    0.5 - 0.5 * ((hour - 3.0) / 24.0 * std::f64::consts::TAU).cos()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// To four decimals, as services log them.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
