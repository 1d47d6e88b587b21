//! Work on all cores over things that come one after the other, and its results in their order.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Condvar, Mutex};

use super::{Error, GUARDED};

/// Items that may be worked on for each thread before the first of them is taken in.
const AHEAD: u64 = 4;

struct Turn<S> {
    source: S,
    taken: u64,
    folded: u64,
    over: bool,
}

/// Takes items from `next` one at a time, lets `map` work on them on all cores, and gives the results to `fold` in their order, on this thread.
/// At most [`AHEAD`] items a thread are held.
pub fn in_order<S: Send, I: Send, T: Send>(
    source: S,
    next: impl Fn(&mut S) -> Result<Option<I>, Error> + Sync,
    map: impl Fn(I) -> Result<T, Error> + Sync,
    mut fold: impl FnMut(T) -> Result<(), Error>,
) -> Result<S, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ahead = AHEAD * threads as u64;
    let turn = Mutex::new(Turn { source, taken: 0, folded: 0, over: false });
    let room = Condvar::new();
    let take = || {
        let mut turn = turn.lock().expect("no thread panics while it holds the source");
        while ahead <= turn.taken - turn.folded && !turn.over {
            turn = room.wait(turn).expect("no thread panics while it holds the source");
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
        let (send, receive) = sync_channel(ahead as usize);
        for _ in 0..threads {
            let (send, take, map, guarded) = (send.clone(), &take, &map, GUARDED.get());
            scope.spawn(move || {
                GUARDED.set(guarded);
                while let Some((number, item)) = take() {
                    if send.send((number, item.and_then(map))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let stop = |error: Error| {
            turn.lock().expect("no thread panics while it holds the source").over = true;
            room.notify_all();
            Err(error)
        };
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (number, result) in &receive {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&due) {
                due += 1;
                if let Err(error) = result.and_then(&mut fold) {
                    return stop(error);
                }
                turn.lock().expect("no thread panics while it holds the source").folded = due;
                room.notify_all();
            }
        }
        Ok(())
    });
    outcome?;
    Ok(turn.into_inner().expect("no thread panics while it holds the source").source)
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
