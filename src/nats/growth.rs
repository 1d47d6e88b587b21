//! How much the log has grown in the last day, by the times at which the server stored its messages: known at once after a start.

use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, StreamStatus};
use crate::time::{Span, Timestamp};

const DAY: Span = Span::from_secs(86_400);

/// A log that is younger says nothing of a day.
const YOUNGEST: Span = Span::from_secs(3_600);

/// Growth of the input stream over the last day, or since it began if that is less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    pub messages_per_second: f64,
    /// By the mean size of all messages that it holds.
    pub bytes_per_second: f64,
}

impl Growth {
    /// Of `messages` that came within `span`.
    fn of(messages: u64, span: Span, status: &StreamStatus) -> Self {
        let messages_per_second = messages as f64 / span.secs_f64();
        let mean_bytes = status.bytes as f64 / status.messages.max(1) as f64;
        Self { messages_per_second, bytes_per_second: messages_per_second * mean_bytes }
    }

    /// Hours until the stream is full at this growth; `None` without a bound, or if it does not grow.
    ///
    /// * `disk`: bytes free on the disk of the log, where that is known.
    pub fn hours_left(&self, status: &StreamStatus, disk: Option<u64>) -> Option<f64> {
        let bytes = status.max_bytes.map(|most| most.saturating_sub(status.bytes)).into_iter().chain(disk).min();
        let messages = status.max_messages.map(|most| most.saturating_sub(status.messages));
        let hours = |room: Option<u64>, rate: f64| room.filter(|_| 0.0 < rate).map(|room| room as f64 / rate / 3_600.0);
        [hours(bytes, self.bytes_per_second), hours(messages, self.messages_per_second)].into_iter().flatten().reduce(f64::min)
    }
}

impl Nats {
    /// How the input stream has grown in the day before `now`. `None` of one that is younger than an hour. Asks for some thirty messages.
    ///
    /// Errors: as [`Self::get_message`].
    pub async fn day_growth(&self, status: &StreamStatus, now: Timestamp) -> Result<Option<Growth>, StreamError> {
        let since = now - DAY;
        let mut search = Search { low: status.first_seq, high: status.last_seq + 1 };
        while let Some(seq) = search.question() {
            // one that is gone was stored before
            let stored_at = self.stored_at(seq).await?;
            search.answer(seq, stored_at.is_none_or(|at| at < since));
        }
        let first = search.low;
        let begins = if first == status.first_seq { self.stored_at(first).await?.unwrap_or(now).max(since) } else { since };
        let span = now - begins;
        Ok((YOUNGEST <= span).then(|| Growth::of((status.last_seq + 1).saturating_sub(first), span, status)))
    }

    async fn stored_at(&self, seq: u64) -> Result<Option<Timestamp>, StreamError> {
        Ok(self.get_message(Role::Input, seq).await?.map(|message| message.stored_at))
    }
}

/// Looks for the first of some sequences that came later than a point in time; `low` once there is nothing to ask any more.
struct Search {
    low: u64,
    high: u64,
}

impl Search {
    /// The sequence to ask about.
    const fn question(&self) -> Option<u64> {
        if self.low < self.high { Some(self.low + (self.high - self.low) / 2) } else { None }
    }

    const fn answer(&mut self, seq: u64, came_before: bool) {
        if came_before { self.low = seq + 1 } else { self.high = seq }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_the_last_day_is_found_in_few_questions() {
        for wanted in [1, 40_000, 700_000, 1_000_001] {
            let (mut search, mut asked) = (Search { low: 1, high: 1_000_001 }, 0);
            while let Some(seq) = search.question() {
                search.answer(seq, seq < wanted);
                asked += 1;
            }
            assert!(search.low == wanted && asked <= 20, "{} after {asked} questions", search.low);
        }
    }

    #[test]
    fn a_log_is_full_when_the_first_of_its_bounds_or_its_disk_is() {
        let status = StreamStatus {
            created: Timestamp::default(),
            first_seq: 1,
            last_seq: 1_000,
            messages: 1_000,
            bytes: 200_000,
            max_bytes: Some(200_000 + 7_200_000),
            max_messages: None,
            restricted: false,
            drops: None,
        };
        let growth = Growth::of(36_000, Span::from_secs(3_600), &status);
        assert_eq!((growth.messages_per_second, growth.bytes_per_second), (10.0, 2_000.0));
        assert_eq!(growth.hours_left(&status, None), Some(1.0));
        assert_eq!(growth.hours_left(&status, Some(3_600_000)), Some(0.5));
        let few = StreamStatus { max_messages: Some(10_000), ..status.clone() };
        assert_eq!(growth.hours_left(&few, None), Some(0.25));
        let unbounded = StreamStatus { max_bytes: None, ..status };
        assert_eq!(growth.hours_left(&unbounded, None), None);
        assert_eq!(Growth::of(0, DAY, &unbounded).hours_left(&unbounded, Some(1)), None, "it does not grow");
    }
}
