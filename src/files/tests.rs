//! Cells, columns and numbers beyond memory. Forms of files are tried on the commands, in `tests/commands/files.rs`.

use std::sync::Arc;

use proptest::prelude::*;

use super::cell::{Plain, classify};
use super::columns::{Columns, Kind, Part};
use super::sorted::Numbers;
use super::*;
use crate::stats::drift::Ascending;

#[test]
fn numbers_that_were_put_aside_come_back_in_order() {
    let spill = Arc::default();
    let (mut numbers, mut wanted) = (Numbers::new(&spill), Vec::new());
    for round in 0..7_u32 {
        let some: Vec<f64> =
            (0..20_000_u32).map(|step| f64::from(step.wrapping_mul(2_654_435_761 + round) % 1_000_003)).collect();
        numbers.extend(&some);
        wanted.extend(some);
        if round % 2 == 0 {
            numbers.put_aside().unwrap();
        }
    }
    numbers.sort();
    wanted.sort_unstable_by(f64::total_cmp);
    assert_eq!(numbers.count(), wanted.len() as u64);
    for _ in 0..2 {
        assert!(numbers.ascending().eq(wanted.iter().copied()), "each walk begins anew");
    }
    spill.check().unwrap();
}

#[test]
fn numbers_are_read_as_they_are_written() {
    for (text, wanted) in [
        ("12.50", Plain::Cell(Cell::Number(12.5))),
        ("-7", Plain::Cell(Cell::Number(-7.0))),
        ("-0", Plain::Cell(Cell::Number(0.0))),
        (".5", Plain::Cell(Cell::Number(0.5))),
        ("1e3", Plain::Cell(Cell::Number(1_000.0))),
        ("9007199254740992", Plain::Cell(Cell::Number(9_007_199_254_740_992.0))),
        ("9007199254740993", Plain::Long),
        ("60,5", Plain::Cell(Cell::Comma(60.5))),
        ("60,000", Plain::Cell(Cell::Either(60.0))),
        ("0,125", Plain::Cell(Cell::Comma(0.125))),
        ("1,234,567", Plain::Cell(Cell::Grouped(1_234_567.0))),
        ("1,234.5", Plain::Cell(Cell::Grouped(1_234.5))),
        ("-1.234,5", Plain::Cell(Cell::Comma(-1_234.5))),
        ("1.234.567", Plain::Cell(Cell::Comma(1_234_567.0))),
        ("1 234,5", Plain::Cell(Cell::Comma(1_234.5))),
        ("1'234.5", Plain::Cell(Cell::Grouped(1_234.5))),
        ("1.2.3", Plain::Text),
        ("12:30", Plain::Text),
        ("1,2,3", Plain::Text),
        ("-", Plain::Text),
        ("inf", Plain::Cell(Cell::NotFinite)),
        ("1e999", Plain::Cell(Cell::NotFinite)),
        ("NaN", Plain::Word),
        ("None", Plain::Word),
        ("TRUE", Plain::Cell(Cell::Truth(true))),
        ("n.a.", Plain::Text),
        ("", Plain::Cell(Cell::Missing)),
    ] {
        assert_eq!(classify(text), wanted, "{text:?}");
    }
}

#[test]
fn a_column_with_more_texts_than_memory_takes_is_told_so() {
    let mut all = Columns::default();
    for block in 0..10 {
        let mut part = Part::default();
        for row in 0..10_000 {
            part.add_row();
            part.text("id", &format!("row {block} {row}"), row);
            part.text("kind", if row % 2 == 0 { "a" } else { "b" }, row);
        }
        all.add(part).unwrap();
    }
    let mut pairs = Columns::beside(all, Columns::default()).into_iter().map(|sides| sides.unite([Format::JsonLines; 2]));
    assert_eq!(pairs.next().unwrap().present, [100_000, 0]);
    assert!(matches!(pairs.next().unwrap().kind, Kind::Empty));
}

proptest! {
    #[test]
    fn a_number_is_the_nearest_double_to_its_text(number in prop::num::f64::NORMAL) {
        for text in [number.to_string(), format!("{number:e}"), format!("{number:.3}")] {
            let wanted: f64 = text.parse().unwrap();
            let found = match classify(&text) {
                Plain::Cell(Cell::Number(found)) => found,
                Plain::Long => wanted,
                other => panic!("{text}: {other:?}"),
            };
            prop_assert_eq!(found, wanted, "{}", text);
        }
    }
}
