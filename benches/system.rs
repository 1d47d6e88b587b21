//! Claims of the whole process, measured from outside on a real nats-server, loopback and temporary folders:
//!
//! * `catch_up`: reads 1,000,000 single JSON predictions at 0.7 of what a bare consumer takes that only decodes and drops them.
//! * `frames`: takes MessagePack frames of 500 predictions at 500,000 predictions a second (goal 1,500,000).
//! * `latency`: at 5,000 predictions a second, 99 % are in a WebSocket frame within 25 ms of their publish (goal 5 ms).
//! * `idle`: rests on less than 2 % of a core, and with the simulator on less than 80 MB that do not grow.
//! * `feed`: the overview of 10,000 models, 2,000 of them live, costs its reader at most 1 MB in 30 s, has its first rows within a second, and
//!   the process at most 256 MiB.
//! * `crowd`: beside 2,600 silent connections of one address, idle or coming again, 99 % of the answers to everybody else come within 100 ms.
//! * `overload`: a minute at three times what is taken: nothing lost, at most 350 MB, 99 % of answers to readers within 50 ms.
//! * `models`: a prediction costs the same processor time with 1 model as with 10,000.
//!
//! `ops/bench system [FIGURE …]`. The program is `$TIDEWATCH_BIN`, else the one built with the bench; `$SYSTEM_SHARE` (such as
//! 0.1) shortens everything for a first look. Figures of one line are taken in turns, so that what else the machine does hits all.

#[path = "system/catch_up.rs"]
mod catch_up;
#[path = "system/crowd.rs"]
mod crowd;
#[path = "system/feed.rs"]
mod feed;
#[path = "system/idle.rs"]
mod idle;
#[path = "system/latency.rs"]
mod latency;
#[path = "system/log.rs"]
mod log;
#[path = "../tests/support/nats_server.rs"]
mod nats_server;
#[path = "system/overload.rs"]
mod overload;
#[path = "system/product.rs"]
mod product;

const FIGURES: [&str; 8] = ["catch_up", "frames", "latency", "idle", "feed", "crowd", "overload", "models"];

#[tokio::main]
async fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let Some(unknown) = asked.iter().find(|name| !FIGURES.contains(&name.as_str())) {
        eprintln!("there is no figure {unknown:?}; there are: {}", FIGURES.join(", "));
        std::process::exit(2);
    }
    println!("program {}, load {}", product::program().display(), load());
    for figure in FIGURES {
        if !asked.is_empty() && !asked.iter().any(|name| name == figure) {
            continue;
        }
        match figure {
            "catch_up" => catch_up::against_bare_consumer().await,
            "frames" => catch_up::in_frames().await,
            "latency" => latency::to_frame().await,
            "idle" => idle::rest().await,
            "feed" => feed::in_view().await,
            "crowd" => crowd::beside_silent_connections().await,
            "overload" => overload::at_three_times().await,
            _ => catch_up::over_models().await,
        }
    }
}

/// `n` of a whole run, or the part of it that `$SYSTEM_SHARE` asks for.
fn share(n: usize) -> usize {
    let share = std::env::var("SYSTEM_SHARE").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    ((n as f64 * share) as usize).max(1)
}

/// The load averages of the machine: a figure of a busy one says little.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Whether a target was met, for the end of a line.
fn verdict(met: bool) -> &'static str {
    if met { "ok" } else { "MISSED" }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
