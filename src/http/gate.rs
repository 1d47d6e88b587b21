//! The places for connections. One client has a share of them at most, and where none is free a connection that is not in use gives
//! way, first one that has not said anything yet: so whoever asks is heard, however many others only hold on.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::clock;

pub struct Gate {
    /// Of one client.
    share: usize,
    /// Of all.
    most: usize,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    next: u64,
    by_id: BTreeMap<u64, Place>,
}

struct Place {
    /// `None`: a proxy we trust, which speaks for many.
    client: Option<IpAddr>,
    stage: Stage,
    since: Instant,
    leave: CancellationToken,
}

/// In the order in which they give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Has not sent the head of a request.
    Silent,
    /// Between two requests.
    Idle,
    Busy,
}

/// A place; free again when dropped.
pub struct Held {
    gate: Arc<Gate>,
    id: u64,
    /// Cancelled when the place is wanted for somebody else.
    pub leave: CancellationToken,
}

/// While a request is answered, to the last byte, its connection does not give way.
pub struct Turn(Arc<Held>);

impl Gate {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { share: most.div_ceil(2), most, places: Mutex::default() })
    }

    /// A place for a new connection. `None`: every place it could have is in use.
    pub fn enter(self: &Arc<Self>, client: Option<IpAddr>) -> Option<Held> {
        let mut places = self.places();
        let of_client = places.by_id.values().filter(|place| client.is_some() && place.client == client).count();
        if self.share <= of_client {
            places.make_room(|place| place.client == client)?;
        } else if self.most <= places.by_id.len() {
            places.make_room(|_| true)?;
        }
        let (id, leave) = (places.next, CancellationToken::new());
        places.next += 1;
        places.by_id.insert(id, Place { client, stage: Stage::Silent, since: clock::monotonic(), leave: leave.clone() });
        drop(places);
        Some(Held { gate: Arc::clone(self), id, leave })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Sends away the one that is least in use among those, the oldest of its stage. `None`: all are in use.
    fn make_room(&mut self, is_among: impl Fn(&Place) -> bool) -> Option<()> {
        let idle = self.by_id.iter().filter(|(_, place)| place.stage != Stage::Busy && is_among(place));
        let id = idle.min_by_key(|(_, place)| (place.stage, place.since)).map(|(id, _)| *id)?;
        self.by_id.remove(&id)?.leave.cancel();
        Some(())
    }
}

impl Held {
    /// Whether the head of a request has come.
    pub fn has_spoken(&self) -> bool {
        self.gate.places().by_id.get(&self.id).is_none_or(|place| place.stage != Stage::Silent)
    }

    fn be(&self, stage: Stage) {
        if let Some(place) = self.gate.places().by_id.get_mut(&self.id) {
            (place.stage, place.since) = (stage, clock::monotonic());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.places().by_id.remove(&self.id);
    }
}

impl Turn {
    pub fn of(held: &Arc<Held>) -> Self {
        held.be(Stage::Busy);
        Self(Arc::clone(held))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.be(Stage::Idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_client_has_half_the_places_and_its_oldest_silent_connection_gives_way() {
        let gate = Gate::new(4);
        let (first, second) = (Arc::new(gate.enter(client(1)).unwrap()), gate.enter(client(1)).unwrap());
        drop(Turn::of(&first));
        let third = gate.enter(client(1)).unwrap();
        assert!(second.leave.is_cancelled() && !first.leave.is_cancelled(), "one that spoke stays before one that did not");
        let busy = [Turn::of(&first), Turn::of(&Arc::new(third))];
        assert!(gate.enter(client(1)).is_none(), "what is in use is not cut off");
        assert!(gate.enter(client(2)).is_some());
        drop(busy);
        assert!(gate.enter(client(1)).is_some());
    }

    #[test]
    fn when_all_places_are_taken_whoever_says_nothing_gives_way_to_anybody() {
        let gate = Gate::new(4);
        let held: Vec<Held> = (1..=4).map(|last| gate.enter(client(last)).unwrap()).collect();
        assert!(gate.enter(client(5)).is_some());
        assert_eq!(held.iter().map(|held| held.leave.is_cancelled()).collect::<Vec<_>>(), [true, false, false, false]);
    }

    #[test]
    fn a_trusted_proxy_has_no_share() {
        let gate = Gate::new(4);
        let held: Vec<Held> = (0..4).map(|_| gate.enter(None).unwrap()).collect();
        assert!(held.iter().all(|held| !held.leave.is_cancelled()));
    }
}
