//! Ids for predictions that came without one: `<model>_<milliseconds>` and 20 digits more.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::NAME_BYTES_MAX;

/// Mints ids that do not repeat: neither in one process, however its clock moves, nor over restarts or in two processes at once. The 20
/// digits count up from a random start of 64 bits, so two processes meet only where one starts within the ids of the other, and then
/// only in the same millisecond.
#[derive(Debug)]
pub struct Mint {
    next: AtomicU64,
}

impl Mint {
    /// Draws where to start.
    ///
    /// Errors: the system gives no random bytes.
    pub fn open() -> Result<Self, getrandom::Error> {
        let mut start = [0; 8];
        getrandom::fill(&mut start)?;
        Ok(Self::starting_at(u64::from_be_bytes(start)))
    }

    const fn starting_at(start: u64) -> Self {
        Self { next: AtomicU64::new(start) }
    }

    /// An id for a prediction of `model` at `millis` since the epoch. Of a name too long for an id only the beginning is used.
    pub fn id(&self, model: &str, millis: i64) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let suffix = format!("_{millis}{number:020}");
        let room = NAME_BYTES_MAX - suffix.len();
        format!("{}{suffix}", &model[..model.floor_char_boundary(room)])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Each process draws its own start, and its clock may stand still or go back.
        #[test]
        fn ids_do_not_repeat_over_restarts_and_clocks(
            processes in prop::collection::vec(prop::collection::vec(0_i64..4, 1..60), 1..8),
        ) {
            let mut minted = BTreeSet::new();
            for clock in &processes {
                let mint = Mint::open().unwrap();
                for tick in clock {
                    let id = mint.id("sales_forecast", 1_705_312_200_000 + tick);
                    prop_assert!(minted.insert(id.clone()), "{id} came twice");
                }
            }
        }
    }

    #[test]
    fn an_id_names_its_model_and_time_and_is_digits_after_that() {
        let id = Mint::starting_at(u64::MAX).id("sales_forecast", 1_705_312_200_000);
        assert_eq!(id, "sales_forecast_170531220000018446744073709551615");
    }

    #[test]
    fn a_name_too_long_for_an_id_is_cut_between_two_characters() {
        let mint = Mint::starting_at(7);
        let (first, second) = (mint.id(&"사".repeat(85), 1), mint.id(&"사".repeat(85), 1));
        assert!(first.len() <= NAME_BYTES_MAX && first != second, "{first} {second}");
    }
}
