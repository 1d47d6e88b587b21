//! Sums of floats without rounding, so that neither order nor grouping can show in the result.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Words kept inline: four that terms may touch and one above them that only carries reach.
const NEAR_WORDS: usize = 5;
/// Words of the whole range: from below the square of the smallest float to above 2⁶³ squares of the largest.
const WIDE_WORDS: usize = 70;
/// Bit 0 of word 0 of the whole range weighs 2 to this power; a multiple of 64.
const ORIGIN: i32 = -2176;
const MANTISSA_BITS: u32 = 52;

/// The exact sum of any number (below 2⁶³) of finite floats, of their squares and of their products.
///
/// A fixed-point number in two's complement: words of 64 bits, of which those in use are kept inline where the terms span
/// less than 256 bits (56 bytes in all, no heap), and all 70 on the heap otherwise. After the long accumulator of
/// Kulisch (2002, *Advanced Arithmetic for the Digital Computer*), windowed. Serialised as at most 562 bytes: the position of
/// the lowest byte that is not zero, then the bytes from there up; zero is no bytes.
#[derive(Clone, Default)]
pub struct ExactSum {
    /// Where `near[0]` stands among the words of the whole range; 0 with `wide`.
    base: u16,
    near: [u64; NEAR_WORDS],
    /// In use instead of `near` once the terms span too much.
    wide: Option<Box<[u64; WIDE_WORDS]>>,
}

/// The words of a sum that are neither zeros below it nor sign extension above it.
struct Content<'a> {
    lowest: usize,
    words: &'a [u64],
    /// What every word above holds: all zeros or all ones.
    sign: u64,
}

impl ExactSum {
    /// Adds `value`, which must be finite.
    #[inline]
    pub fn add(&mut self, value: f64) {
        let (mantissa, exponent) = split(value);
        self.put(mantissa, exponent);
    }

    /// Takes `value` out again; it must be finite.
    #[inline]
    pub fn sub(&mut self, value: f64) {
        self.add(-value);
    }

    /// Adds `value²`, exactly.
    #[inline]
    pub fn add_square(&mut self, value: f64) {
        self.add_product(value, value);
    }

    /// Takes `value²` out again.
    #[inline]
    pub fn sub_square(&mut self, value: f64) {
        self.add_product(-value, value);
    }

    /// Adds `left × right`, exactly.
    #[inline]
    pub fn add_product(&mut self, left: f64, right: f64) {
        let ((left, left_exponent), (right, right_exponent)) = (split(left), split(right));
        self.put_broad(i128::from(left) * i128::from(right), left_exponent + right_exponent);
    }

    /// Adds `value` as often as `times` says, exactly; a negative number of times takes it out.
    #[inline]
    pub fn add_times(&mut self, value: f64, times: i64) {
        let (mantissa, exponent) = split(value);
        self.put_broad(i128::from(mantissa) * i128::from(times), exponent);
    }

    /// Adds `value²` as often as `times` says, exactly; a negative number of times takes it out.
    pub fn add_square_times(&mut self, value: f64, times: i64) {
        // The square has 106 bits, which leaves room in 128 for so many of the factor's.
        const CHUNK_BITS: u32 = 20;
        let (mantissa, exponent) = split(value);
        let square = i128::from(mantissa) * i128::from(mantissa);
        let (mut rest, mut shift) = (times.unsigned_abs(), 0);
        while rest != 0 {
            let chunk = i128::from(rest & ((1 << CHUNK_BITS) - 1)) * i128::from(times.signum());
            self.put_broad(square * chunk, 2 * exponent + shift);
            rest >>= CHUNK_BITS;
            shift += CHUNK_BITS as i32;
        }
    }

    /// Adds everything that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.combine(other, false);
    }

    /// Takes out everything that `other` holds.
    pub fn unmerge(&mut self, other: &Self) {
        self.combine(other, true);
    }

    pub fn is_zero(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    /// The sum, rounded once to the nearest float (ties to even); the largest finite float where it is beyond that.
    pub fn value(&self) -> f64 {
        let Some((negative, leading, exponent)) = self.leading() else { return 0.0 };
        let value = scaled(leading as f64, exponent).min(f64::MAX);
        if negative { -value } else { value }
    }

    /// The sum over `count`: infinite where that is beyond the largest float, though the sum alone may be.
    pub fn mean(&self, count: u64) -> f64 {
        const SHIFT: i32 = 128;
        let Some((negative, leading, exponent)) = self.leading() else { return 0.0 };
        let value = match scaled(leading as f64, exponent) {
            sum if sum.is_finite() => sum / count as f64,
            _ => scaled(leading as f64, exponent - SHIFT) / count as f64 * 2.0_f64.powi(SHIFT),
        };
        if negative { -value } else { value }
    }

    /// Whether it is negative, and its magnitude as `leading × 2^exponent`, at least 65 bits of it and one that says whether there are
    /// more; `None` for zero.
    fn leading(&self) -> Option<(bool, u128, i32)> {
        let words = self.words();
        let negative = words[words.len() - 1] >> 63 == 1;
        let mut magnitude = [0; WIDE_WORDS];
        let mut carry = negative;
        for (place, word) in magnitude.iter_mut().zip(words) {
            let flipped = if negative { !word } else { *word };
            (*place, carry) = flipped.overflowing_add(u64::from(carry));
        }
        let top = magnitude.iter().rposition(|word| *word != 0)?;
        let next = if top == 0 { 0 } else { magnitude[top - 1] };
        let sticky = top >= 2 && magnitude[..top - 1].iter().any(|word| *word != 0);
        // At least 65 bits, so that the sticky bit stands below the one that decides the rounding.
        let leading = u128::from(magnitude[top]) << 64 | u128::from(next) | u128::from(sticky);
        Some((negative, leading, ORIGIN + 64 * (i32::from(self.base) + top as i32 - 1)))
    }

    /// `Σ (xᵢ − x̄)²` from `Σ xᵢ`, `Σ xᵢ²` and how many there are, without cancellation: `(n Σ xᵢ² − (Σ xᵢ)²) / n`, each sum
    /// taken to 106 bits and the difference formed exactly. 0 if `count` is 0.
    pub fn squared_deviations(sum: &Self, squares: &Self, count: u64) -> f64 {
        if count == 0 {
            return 0.0;
        }
        let (high, low) = sum.value_and_rest();
        let (squares_high, squares_low) = squares.value_and_rest();
        let times = i64::try_from(count).unwrap_or(i64::MAX);
        let mut difference = Self::default();
        difference.add_times(squares_high, times);
        difference.add_times(squares_low, times);
        difference.sub_square(high);
        difference.add_product(-2.0 * high, low);
        difference.sub_square(low);
        difference.value().max(0.0) / count as f64
    }

    /// The sum as the nearest float and what that leaves.
    fn value_and_rest(&self) -> (f64, f64) {
        let high = self.value();
        let mut rest = self.clone();
        rest.sub(high);
        (high, rest.value())
    }

    #[inline]
    fn put(&mut self, mantissa: i64, exponent: i32) {
        let bit = (exponent - ORIGIN) as u32;
        let shifted = i128::from(mantissa) << (bit & 63);
        self.put_parts((bit >> 6) as usize, [shifted as u64, (shifted >> 64) as u64], (shifted >> 127) as u64);
    }

    #[inline]
    fn put_broad(&mut self, mantissa: i128, exponent: i32) {
        let bit = (exponent - ORIGIN) as u32;
        let shift = bit & 63;
        // In two steps where the shift could be the whole width.
        let high = (mantissa >> 64) >> (64 - shift);
        let parts = [(mantissa as u64) << shift, (mantissa >> (64 - shift)) as u64, high as u64];
        self.put_parts((bit >> 6) as usize, parts, (high >> 127) as u64);
    }

    /// Adds `parts`, continued upwards by `sign`, from word `word` of the whole range up.
    #[inline]
    fn put_parts<const PARTS: usize>(&mut self, word: usize, parts: [u64; PARTS], sign: u64) {
        let at = word.wrapping_sub(usize::from(self.base));
        let words: &mut [u64] = match &mut self.wide {
            None => &mut self.near,
            Some(wide) => wide.as_mut_slice(),
        };
        if at < words.len() - PARTS {
            accumulate(&mut words[at..], parts.iter().copied(), sign, false);
        } else {
            self.put_far(word, &parts, sign);
        }
    }

    #[cold]
    fn put_far(&mut self, word: usize, parts: &[u64], sign: u64) {
        if let Some(content) = content_of(word, parts, sign) {
            self.put_content(&content, false);
        }
    }

    fn combine(&mut self, other: &Self, negated: bool) {
        let mask = if negated { u64::MAX } else { 0 };
        if self.base == other.base && self.wide.is_none() && other.wide.is_none() {
            accumulate(&mut self.near, other.near.iter().map(|word| word ^ mask), 0, negated);
        } else if let Some(content) = other.content() {
            self.put_content(&content, negated);
        }
    }

    /// Adds `content`, or takes it out (adds its complement and one) if `negated`.
    fn put_content(&mut self, content: &Content<'_>, negated: bool) {
        self.make_room(content.lowest, content.lowest + content.words.len() - 1);
        let mask = if negated { u64::MAX } else { 0 };
        let at = content.lowest - usize::from(self.base);
        let words = match &mut self.wide {
            None => &mut self.near[at..],
            Some(wide) => &mut wide[at..],
        };
        accumulate(words, content.words.iter().map(|word| word ^ mask), content.sign ^ mask, negated);
    }

    /// Moves or widens the window so that words `lowest..=highest` are in it and one more is above them.
    fn make_room(&mut self, lowest: usize, highest: usize) {
        let base = usize::from(self.base);
        if self.wide.is_some() || (base <= lowest && highest < base + NEAR_WORDS - 1) {
            return;
        }
        let (below, above) = match self.content() {
            Some(held) => (held.lowest.min(lowest), (held.lowest + held.words.len() - 1).max(highest)),
            None => (lowest, highest),
        };
        let spare = (NEAR_WORDS - 1).saturating_sub(above - below + 1);
        let fits = above - below + 1 < NEAR_WORDS;
        // Half of what is spare goes below: smaller terms are as likely to come as larger ones.
        let base = below - spare.div_ceil(2).min(below);
        let first = if fits { base.min(WIDE_WORDS - NEAR_WORDS) } else { 0 };
        let mut moved = [0; WIDE_WORDS];
        if let Some(held) = self.content() {
            moved[held.lowest..held.lowest + held.words.len()].copy_from_slice(held.words);
            moved[held.lowest + held.words.len()..].fill(held.sign);
        }
        if fits {
            self.base = first as u16;
            self.near.copy_from_slice(&moved[first..first + NEAR_WORDS]);
        } else {
            (self.base, self.near) = (0, [0; NEAR_WORDS]);
            self.wide = Some(Box::new(moved));
        }
    }

    fn words(&self) -> &[u64] {
        match &self.wide {
            Some(wide) => wide.as_slice(),
            None => &self.near,
        }
    }

    /// `None` for zero.
    fn content(&self) -> Option<Content<'_>> {
        let words = self.words();
        content_of(usize::from(self.base), words, ((words[words.len() - 1] as i64) >> 63) as u64)
    }

    /// The canonical form: position of the lowest byte that is not zero, then the bytes up to and with the sign.
    fn to_bytes(&self) -> Vec<u8> {
        let Some(content) = self.content() else { return Vec::new() };
        let mut bytes: Vec<u8> = content.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.push(content.sign as u8);
        while let [.., below, top] = bytes.as_slice()
            && *top == content.sign as u8
            && below >> 7 == top >> 7
        {
            bytes.pop();
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let position = (content.lowest * 8 + zeros) as u16;
        position.to_le_bytes().into_iter().chain(bytes.into_iter().skip(zeros)).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut sum = Self::default();
        let Some((position, bytes)) = bytes.split_first_chunk::<2>() else { return bytes.is_empty().then_some(sum) };
        let position = usize::from(u16::from_le_bytes(*position));
        let mut whole = [0; WIDE_WORDS * 8];
        let sign = if bytes.last()? >> 7 == 1 { u8::MAX } else { 0 };
        whole.get_mut(position..position + bytes.len())?.copy_from_slice(bytes);
        whole[position + bytes.len()..].fill(sign);
        let mut words = [0; WIDE_WORDS];
        for (word, chunk) in words.iter_mut().zip(whole.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        if let Some(content) = content_of(0, &words, u64::from_le_bytes([sign; 8])) {
            sum.put_content(&content, false);
        }
        Some(sum)
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        match (self.content(), other.content()) {
            (Some(left), Some(right)) => (left.lowest, left.words, left.sign) == (right.lowest, right.words, right.sign),
            (left, right) => left.is_none() && right.is_none(),
        }
    }
}

impl fmt::Debug for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExactSum({:?})", self.value())
    }
}

impl Serialize for ExactSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for ExactSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = ExactSum;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of an exact sum")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<ExactSum, E> {
                ExactSum::from_bytes(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ExactSum, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                self.visit_bytes(&bytes)
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// `words` from word `first` up, without the zeros below and the sign extension above; `None` if nothing is left.
fn content_of(first: usize, words: &[u64], sign: u64) -> Option<Content<'_>> {
    let lowest = words.iter().position(|word| *word != 0)?;
    let highest = words.iter().rposition(|word| *word != sign).unwrap_or(0).max(lowest);
    Some(Content { lowest: first + lowest, words: &words[lowest..=highest], sign })
}

/// Adds `parts`, continued upwards by `sign`, and `carry` to the lower end of `words`.
#[inline]
fn accumulate(words: &mut [u64], parts: impl ExactSizeIterator<Item = u64>, sign: u64, mut carry: bool) {
    let (touched, above) = words.split_at_mut(parts.len());
    for (word, part) in touched.iter_mut().zip(parts) {
        (*word, carry) = word.carrying_add(part, carry);
    }
    for word in above {
        // Zeros without a carry, or ones with one: nothing changes from here on.
        if sign.wrapping_add(u64::from(carry)) == 0 {
            return;
        }
        (*word, carry) = word.carrying_add(sign, carry);
    }
}

/// `value` as `mantissa × 2^exponent`.
#[inline]
fn split(value: f64) -> (i64, i32) {
    let bits = value.to_bits();
    let biased = (bits >> MANTISSA_BITS & 0x7ff) as i32;
    let fraction = (bits & ((1 << MANTISSA_BITS) - 1)) as i64;
    let mantissa = fraction | i64::from(biased != 0) << MANTISSA_BITS;
    let sign = (bits as i64) >> 63;
    ((mantissa ^ sign) - sign, biased.max(1) - 1075)
}

/// `value × 2^exponent`, for a value in 2⁶⁴ to 2¹²⁸, rounded once (the last step) where it is subnormal.
fn scaled(mut value: f64, mut exponent: i32) -> f64 {
    const STEP: i32 = 1000;
    let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << MANTISSA_BITS);
    while exponent.abs() > STEP {
        value *= power(exponent.signum() * STEP);
        exponent -= exponent.signum() * STEP;
    }
    value * power(exponent)
}
