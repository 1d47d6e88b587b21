//! What a connection to NATS has last reported: that it was made, and what the server complains of. A missing permission is told beside
//! the request and not to it.

use std::collections::VecDeque;

/// Complaints of the server that are kept.
const COMPLAINTS_MAX: usize = 32;

/// What the connection last reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// How many times a connection was made: another number means that pull requests and replies may be lost.
    pub(crate) generation: u64,
    /// The server's newest complaints on this connection, such as a permissions violation, each with its number.
    complaints: VecDeque<(u64, String)>,
    /// Complaints so far.
    complained: u64,
}

/// The server does not allow what is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("NATS does not allow this user what is needed: {complaint}; grant it (SECURITY.md lists all that is needed)")]
pub struct Forbidden {
    /// In the server's own words.
    pub complaint: String,
}

impl Link {
    /// A connection was made: what was refused on the one before may be allowed on this.
    pub(super) fn begin(&mut self) {
        self.generation += 1;
        self.complaints.clear();
    }

    /// Complaints so far.
    pub(super) const fn complained(&self) -> u64 {
        self.complained
    }

    /// The server's last complaint.
    pub(crate) fn complaint(&self) -> Option<&str> {
        self.complaints.back().map(|(_, text)| text.as_str())
    }

    /// What the server has refused of what `concerns`, since then. A refused subscription for replies stays refused.
    pub(super) fn violation(&self, inbox: &str, concerns: impl Fn(&str) -> bool, since: u64) -> Option<Forbidden> {
        let replies = format!("ubscription to \"{inbox}.");
        let found = self.complaints.iter().rev().find(|(number, text)| {
            let is_violation = text.to_ascii_lowercase().contains("permissions violation");
            is_violation && (text.contains(&replies) || since <= *number && concerns(text))
        });
        found.map(|(_, text)| Forbidden { complaint: text.clone() })
    }

    pub(super) fn complain(&mut self, text: String) {
        if self.complaints.len() == COMPLAINTS_MAX {
            self.complaints.pop_front();
        }
        self.complaints.push_back((self.complained, text));
        self.complained += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_counts_from_when_something_was_asked_for_and_that_of_replies_always() {
        let mut link = Link::default();
        let of = |link: &Link, since| link.violation("_INBOX", |text| text.contains("\"tw.in.tick.a\""), since).is_some();
        link.complain("nats: Permissions Violation for Publish to \"tw.in.tick.a\"".to_owned());
        assert!(of(&link, 0) && !of(&link, 1));
        link.complain("nats: Permissions Violation for Publish to \"tw.in.tick.b\"".to_owned());
        assert!(!of(&link, 1));
        link.complain("nats: Permissions Violation for Subscription to \"_INBOX.x.*\"".to_owned());
        assert!(of(&link, 9));
        (0..100).for_each(|number| link.complain(number.to_string()));
        assert_eq!((link.complaints.len(), link.complaint()), (COMPLAINTS_MAX, Some("99")));
    }
}
