//! What the rows of a leaf add up to in each bin of each feature.

use super::sums::Sums;
use super::table::LANES;

/// By feature of a stripe, by bin.
pub(super) type OfStripe = [[Sums; 256]; LANES];

#[inline]
pub(super) fn empty() -> Box<OfStripe> {
    Box::new([[Sums::default(); 256]; LANES])
}

/// Adds rows to a histogram.
///
/// * `cells`: the bins of all rows of the table.
/// * `rows`: which rows; `None` for all of them.
/// * `adds`: what each of these rows adds, in their order.
#[inline]
pub(super) fn add(histogram: &mut OfStripe, cells: &[[u8; LANES]], rows: Option<&[u32]>, adds: &[Sums]) {
    match rows {
        None => cells.iter().zip(adds).for_each(|(cell, add)| add_row(histogram, *cell, *add)),
        Some(rows) => rows.iter().zip(adds).for_each(|(row, add)| add_row(histogram, cells[*row as usize], *add)),
    }
}

#[inline(always)]
fn add_row(histogram: &mut OfStripe, cell: [u8; LANES], add: Sums) {
    for lane in 0..LANES {
        let sums = &mut histogram[lane][usize::from(cell[lane])];
        *sums = sums.with(add);
    }
}

/// Takes `part` out of `whole`.
#[inline]
pub(super) fn subtract(whole: &mut OfStripe, part: &OfStripe) {
    for (whole, part) in whole.iter_mut().zip(part) {
        whole.iter_mut().zip(part).for_each(|(whole, part)| *whole = whole.without(*part));
    }
}
