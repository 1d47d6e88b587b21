//! Chance that is the same wherever it is asked: numbers that follow from a seed.

/// A stream of numbers after Steele, Lea & Flood (2014), *OOPSLA*, 453–472 (SplitMix64).
#[derive(Clone, Debug)]
pub struct Draws(u64);

impl Draws {
    /// The stream number `stream` of a seed.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self(mixed(seed ^ mixed(stream.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A whole number below `end`, which is at least 1 and below 2³²: Lemire (2019), *ACM TOMACS* 29(1), without the rejection, whose share is
    /// below `end` in 2³².
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    /// From 0 to below 1.
    pub const fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// `wanted` of the numbers below `of`, ascending, each set of them equally likely: Knuth, *TAOCP* 2, 3.4.2 S.
    pub fn choose(&mut self, wanted: usize, of: usize) -> Vec<u32> {
        let (mut left, mut chosen) = (wanted.min(of), Vec::with_capacity(wanted.min(of)));
        for number in 0..of {
            if self.below((of - number) as u64) < left as u64 {
                chosen.push(number as u32);
                left -= 1;
            }
        }
        chosen
    }

    /// Puts `items` in an order of chance: Fisher & Yates; Knuth, *TAOCP* 2, 3.4.2 P.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
