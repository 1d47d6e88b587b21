//! What time it is for the log. The server that stores a message dates it, and by that date it is judged; ours may be another.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::clock;
use crate::time::{Span, Timestamp};

/// The newest date of the log and when we saw it. Ticks renew it every five seconds.
#[derive(Debug, Default)]
pub struct LogClock {
    seen: Mutex<Option<(Instant, Timestamp)>>,
}

impl LogClock {
    /// The date that a message stored now would get; by our own clock while no newer one is known.
    pub fn now(&self) -> Timestamp {
        match *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, date)) => date + Span::from_micros(i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX)),
            None => clock::now(),
        }
    }

    fn saw(&self, date: Timestamp) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock::monotonic(), date));
    }

    /// Follows the log until `views` closes. A message of the past, applied while catching up, says nothing of now.
    pub async fn follow(
        &self,
        mut views: watch::Receiver<std::sync::Arc<crate::view::View>>,
        log: watch::Receiver<crate::http::shared::LogStatus>,
    ) {
        while views.changed().await.is_ok() {
            let (position, date) = {
                let view = views.borrow_and_update();
                (view.position, view.log_time)
            };
            if log.borrow().last_seq <= position {
                self.saw(date);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_log_and_goes_on_by_itself() {
        let log = LogClock::default();
        let off = |date: Timestamp| (log.now() - date).secs_f64().abs();
        assert!(off(clock::now()) < 5.0);
        let elsewhere = Timestamp::from_millis(1_767_225_600_000);
        log.saw(elsewhere);
        assert!(off(elsewhere) < 5.0, "{}", log.now());
    }
}
