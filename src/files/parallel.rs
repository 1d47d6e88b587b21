//! Work on all cores over things that come one after the other, and its results in their order.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{Error, GUARDED};

/// Items that may be worked on for each thread before the first of them is taken in.
const AHEAD: u64 = 4;

struct Turn<S> {
    source: S,
    taken: u64,
    folded: u64,
    over: bool,
}

/// What all threads share.
struct Shared<S> {
    turn: Mutex<Turn<S>>,
    room: Condvar,
}

impl<S> Shared<S> {
    /// After a panic the numbers still fit together: nobody takes any more, and whoever started this gets the panic.
    fn turn(&self) -> MutexGuard<'_, Turn<S>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.turn().over = true;
        self.room.notify_all();
    }
}

/// Held by each thread: if it panics, the others do not wait for the item that it had taken.
struct StopsOnPanic<'a, S>(&'a Shared<S>);

impl<S> Drop for StopsOnPanic<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Takes items from `next` one at a time, lets `map` work on them on all cores, and gives the results to `fold` in their order, on this thread.
/// At most [`AHEAD`] items a thread are held. A panic of any of the three ends the work, and is one of this thread.
pub fn in_order<S: Send, I: Send, T: Send>(
    source: S,
    next: impl Fn(&mut S) -> Result<Option<I>, Error> + Sync,
    map: impl Fn(I) -> Result<T, Error> + Sync,
    mut fold: impl FnMut(T) -> Result<(), Error>,
) -> Result<S, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ahead = AHEAD * threads as u64;
    let shared = Shared { turn: Mutex::new(Turn { source, taken: 0, folded: 0, over: false }), room: Condvar::new() };
    let take = || {
        let mut turn = shared.turn();
        while ahead <= turn.taken - turn.folded && !turn.over {
            turn = shared.room.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if turn.over {
            return None;
        }
        let number = turn.taken;
        turn.taken += 1;
        let item = next(&mut turn.source).transpose();
        turn.over |= !matches!(item, Some(Ok(_)));
        item.map(|item| (number, item))
    };
    let outcome = std::thread::scope(|scope| {
        let _ends = StopsOnPanic(&shared);
        let (send, receive) = sync_channel(ahead as usize);
        for _ in 0..threads {
            let (send, take, map, shared, guarded) = (send.clone(), &take, &map, &shared, GUARDED.get());
            scope.spawn(move || {
                GUARDED.set(guarded);
                let _ends = StopsOnPanic(shared);
                while let Some((number, item)) = take() {
                    if send.send((number, item.and_then(map))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (number, result) in &receive {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&due) {
                due += 1;
                if let Err(error) = result.and_then(&mut fold) {
                    shared.stop();
                    return Err(error);
                }
                shared.turn().folded = due;
                shared.room.notify_all();
            }
        }
        Ok(())
    });
    outcome?;
    Ok(shared.turn.into_inner().unwrap_or_else(PoisonError::into_inner).source)
}

/// Lets `work` run over all `items` on all cores; the results are in the order of the items.
pub fn each<I: Send, T: Send>(items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().expect("taking an item does not panic").next();
    let run = || std::iter::from_fn(next).map(|(at, item)| (at, work(item))).collect::<Vec<_>>();
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("the work does not panic")).collect()
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// Whether counting to 10,000 ends with a panic where one of `next`, `map` and `fold` panics at 500.
    fn panics(place: &'static str) -> bool {
        let at = move |here: &str, item: u64| assert!(here != place || item != 500, "as damage makes a library do");
        let next = |count: &mut u64| {
            *count += 1;
            at("next", *count);
            Ok((*count < 10_000).then_some(*count))
        };
        let map = |item: u64| {
            at("map", item);
            Ok(item)
        };
        let fold = |item: u64| {
            at("fold", item);
            Ok(())
        };
        catch_unwind(AssertUnwindSafe(|| in_order(0, next, map, fold))).is_err()
    }

    #[test]
    fn a_panic_ends_the_work_and_keeps_nobody_waiting() {
        for place in ["next", "map", "fold", "nowhere"] {
            let (send, ended) = channel();
            std::thread::spawn(move || send.send(panics(place)));
            let panicked = ended.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(panicked, place != "nowhere", "{place}");
        }
    }
}
