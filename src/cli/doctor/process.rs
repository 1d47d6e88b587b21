//! What the running process has to say.

use serde_json::Value;

use super::super::api::Api;
use super::super::token::shown;
use super::Check;
use crate::run_file::RunFile;

/// That the streams are as they are declared.
pub async fn streams(running: &RunFile) -> Check {
    const NAME: &str = "streams";
    let asked = async { Api::of(running)?.get("/api/v1/streams").await };
    match asked.await {
        Ok(streams) => judge(&streams),
        Err(error) => {
            Check::warn(NAME, format!("{error:#}"), "see the log of the process, or give its token as TIDEWATCH_TOKEN")
        }
    }
}

/// What the running process finds wrong with itself and with what it stands on; one check for each thing.
pub async fn conditions(running: &RunFile) -> Vec<Check> {
    const NAME: &str = "process";
    let asked = async { Api::of(running)?.get("/api/v1/health").await };
    match asked.await {
        Ok(health) => told(&health),
        Err(error) => {
            vec![Check::warn(NAME, format!("{error:#}"), "see the log of the process, or give its token as TIDEWATCH_TOKEN")]
        }
    }
}

fn told(health: &Value) -> Vec<Check> {
    const NAME: &str = "process";
    let conditions = health["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let check = |condition: &Value| {
        let (found, code) = (shown(&condition["detail"]), shown(&condition["code"]));
        // the sentence holds the way out
        match condition["severity"].as_str() {
            Some("critical") => Check::fail(NAME, found, code),
            _ => Check::warn(NAME, found, code),
        }
    };
    let mut checks = match conditions {
        [] => vec![Check::ok(NAME, format!("{}, finds nothing wrong", shown(&health["status"])))],
        conditions => conditions.iter().map(check).collect(),
    };
    checks.extend(outbox(health));
    checks
}

/// What waits to be carried out. What has waited for too long is a condition.
fn outbox(health: &Value) -> Option<Check> {
    let lanes = health["outbox"].as_array()?;
    let of = |lane: &Value| match lane["waiting_seconds"].as_f64() {
        Some(seconds) if 1.0 <= seconds => {
            format!("{} {} for {seconds:.0} s ({})", shown(&lane["backlog"]), shown(&lane["lane"]), shown(&lane["reason"]))
        }
        _ => format!("{} {}", shown(&lane["backlog"]), shown(&lane["lane"])),
    };
    Some(Check::ok("outbox", format!("waiting: {}", lanes.iter().map(of).collect::<Vec<_>>().join(", "))))
}

fn judge(streams: &Value) -> Check {
    const NAME: &str = "streams";
    let items = streams["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let differences = items.iter().flat_map(|stream| {
        let of = shown(&stream["name"]);
        stream["differences"].as_array().into_iter().flatten().map(move |difference| {
            let [field, wanted, actual] = ["field", "wanted", "actual"].map(|field| shown(&difference[field]));
            format!("{of}: {field} is {actual}, declared {wanted}")
        })
    });
    let differences: Vec<_> = differences.collect();
    if differences.is_empty() {
        return Check::ok(NAME, format!("{} as declared", items.len()));
    }
    let mut fix = "edit the streams with `nats stream edit`, or accept the difference".to_owned();
    if differences.iter().any(|difference| difference.contains(": deny_purge is true")) {
        fix += "; a server never takes deny_purge back, so such a log cannot be cut (log_retention) before `tidewatch backup`, deleting the \
                stream and `tidewatch restore` have brought it over";
    }
    Check::warn(NAME, differences.join("; "), fix)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_the_process_finds_wrong_is_passed_on() {
        let condition = serde_json::json!({ "code": "log_full", "severity": "critical", "detail": "the log is full" });
        let checks = told(&serde_json::json!({ "status": "ready", "conditions": [condition] }));
        assert_eq!((checks[0].verdict, checks[0].found.as_str()), (Verdict::Fail, "the log is full"));
        assert_eq!(told(&serde_json::json!({ "status": "ready", "conditions": [] }))[0].verdict, Verdict::Ok);
    }

    #[test]
    fn what_waits_on_each_lane_is_told() {
        let lane = |lane: &str, seconds: Option<f64>| serde_json::json!({ "lane": lane, "backlog": 7, "waiting_seconds": seconds, "reason": "full" });
        let health = serde_json::json!({ "outbox": [lane("facts", None), lane("jobs", Some(12.0))] });
        assert_eq!(outbox(&health).unwrap().found, "waiting: 7 facts, 7 jobs for 12 s (full)");
        assert!(outbox(&serde_json::json!({})).is_none(), "of a process that does not know lanes");
    }

    #[test]
    fn a_stream_that_differs_from_its_declaration_is_told_field_by_field() {
        let difference = serde_json::json!({ "field": "max_bytes", "wanted": 64, "actual": 32 });
        let streams = serde_json::json!({ "items": [{ "name": "TW_INPUT", "differences": [difference] }] });
        let check = judge(&streams);
        assert_eq!((check.verdict, check.found.as_str()), (Verdict::Warn, "TW_INPUT: max_bytes is 32, declared 64"));
        assert_eq!(judge(&serde_json::json!({ "items": [{ "differences": [] }] })).verdict, Verdict::Ok);
    }
}
