//! How far long work has got, on a terminal: one line that is written over. Elsewhere nothing, so that logs stay readable.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two updates of the line.
const EVERY: Duration = Duration::from_millis(250);

pub struct Progress {
    what: &'static str,
    began: Instant,
    shown: Option<Instant>,
    is_on: bool,
}

impl Progress {
    /// Counts `what`, as in "messages".
    pub fn new(what: &'static str) -> Self {
        Self { what, began: Instant::now(), shown: None, is_on: std::io::stderr().is_terminal() }
    }

    /// That `done` of `of` are done.
    pub fn show(&mut self, done: u64, of: u64) {
        let now = Instant::now();
        if !self.is_on || self.shown.is_some_and(|shown| now - shown < EVERY) {
            return;
        }
        self.shown = Some(now);
        // a terminal that cannot be written to is no reason to stop
        let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(self.what, done, of, now - self.began));
    }

    /// Clears the line. Gives the seconds since the beginning.
    pub fn end(&mut self) -> f64 {
        if self.shown.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        self.began.elapsed().as_secs_f64()
    }
}

/// As `12,000 of 48,000 messages (25 %), 6,000 a second, 6 s left`.
fn line(what: &str, done: u64, of: u64, elapsed: Duration) -> String {
    let share = done.saturating_mul(100).checked_div(of).unwrap_or(100);
    let mut text = format!("{} of {} {what} ({share} %)", grouped(done), grouped(of));
    let seconds = elapsed.as_secs_f64();
    if 0.5 <= seconds && done != 0 {
        let rate = done as f64 / seconds;
        let left = of.saturating_sub(done) as f64 / rate;
        text += &format!(", {} a second, {left:.0} s left", grouped(rate as u64));
    }
    text
}

/// A count with its thousands apart.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().map(|&digit| char::from(digit)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_much_how_fast_and_how_long_still() {
        let told = line("messages", 12_000, 48_000, Duration::from_secs(2));
        assert_eq!(told, "12,000 of 48,000 messages (25 %), 6,000 a second, 6 s left");
        assert_eq!(line("messages", 0, 0, Duration::ZERO), "0 of 0 messages (100 %)");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
