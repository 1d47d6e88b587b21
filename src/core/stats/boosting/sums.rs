//! What trees add up: gradients and weights as whole numbers. Their sums are exact, so that neither the order of adding nor the number of
//! threads changes a bit, and what is left of a parent without one child is the other child to the last bit.

/// Bits that the sum of all gradients may take, and that of all weights.
const GRADIENT_BITS: i32 = 51;
const WEIGHT_BITS: i32 = 39;
/// Bits of the count of rows in [`Sums::weight`].
const ROWS_BITS: u32 = 24;
/// Adding this to a number below 2⁵¹ rounds it to a whole one, which then stands in the low bits.
const ROUNDING: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²

/// The sums over some rows, or what one row adds to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    gradient: i64,
    /// The weight above, the count of rows in the low 24 bits.
    weight: u64,
}

/// What a unit of [`Sums`] is worth: powers of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    pub gradient: f64,
    pub weight: f64,
}

impl Units {
    /// Units so small that sums of absolute gradients and weights of these sizes just have room.
    pub(super) fn for_totals(gradients: f64, weights: f64) -> Self {
        Self { gradient: unit(gradients, GRADIENT_BITS), weight: unit(weights, WEIGHT_BITS) }
    }
}

/// The power of two that makes `total` a number of `bits` bits at most.
fn unit(total: f64, bits: i32) -> f64 {
    if !total.is_normal() {
        return 1.0;
    }
    let exponent = ((total.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let unit = (exponent + 1 - (bits - 1)).clamp(-1000, 1000);
    f64::from_bits(((unit + 1023) as u64) << 52)
}

impl Sums {
    /// One row.
    ///
    /// * `per_gradient`, `per_weight`: units to one of them; the reciprocals of [`Units`].
    #[inline]
    pub(super) fn of_row(gradient: f64, weight: f64, per_gradient: f64, per_weight: f64) -> Self {
        let whole = |scaled: f64| (scaled + ROUNDING).to_bits().wrapping_sub(ROUNDING.to_bits());
        Self { gradient: whole(gradient * per_gradient) as i64, weight: (whole(weight * per_weight) << ROWS_BITS) + 1 }
    }

    #[inline]
    pub(super) const fn with(self, other: Self) -> Self {
        Self { gradient: self.gradient.wrapping_add(other.gradient), weight: self.weight.wrapping_add(other.weight) }
    }

    #[inline]
    pub(super) const fn without(self, other: Self) -> Self {
        Self { gradient: self.gradient.wrapping_sub(other.gradient), weight: self.weight.wrapping_sub(other.weight) }
    }

    #[inline]
    pub(super) const fn rows(self) -> u32 {
        (self.weight & ((1 << ROWS_BITS) - 1)) as u32
    }

    /// In units.
    #[inline]
    pub(super) const fn gradient(self) -> f64 {
        self.gradient as f64
    }

    /// In units.
    #[inline]
    pub(super) const fn weight(self) -> f64 {
        (self.weight >> ROWS_BITS) as i64 as f64
    }
}
