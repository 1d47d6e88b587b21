//! Which keys a run certainly does not hold. A blocked Bloom filter: one key touches one 64-byte line, in each half of it one
//! word, in each word four bits (cache-sectorised: Lang, Neumann, Kemper, Boncz, "Performance-Optimal Filtering", VLDB 2019).
//! Measured false positives: see `tests`.

use super::PendingKey;

/// Bytes of a line: one cache line.
pub(super) const LINE_BYTES: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Line([u64; 8]);

/// Where and what to look for: worked out once for a key, used for every run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    /// The leading bits of the key: which part of a run.
    top: u32,
    line: u32,
    words: [u8; 2],
    masks: [u64; 2],
}

impl Probe {
    pub fn of(key: &PendingKey) -> Self {
        let [a, b, c, d, rest @ ..] = *key;
        let rest = u64::from_be_bytes(rest);
        let mixed = rest.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = mixed ^ (mixed >> 32);
        let mask = |shift: u32| (0..4).fold(0, |mask, bit| mask | 1_u64 << ((mixed >> (shift + 6 * bit)) & 63));
        Self {
            top: u32::from_be_bytes([a, b, c, d]),
            line: (rest >> 32) as u32,
            words: [(mixed & 3) as u8, 4 + ((mixed >> 2) & 3) as u8],
            masks: [mask(4), mask(28)],
        }
    }

    /// Which of 2^`bits` parts, in the order of keys.
    pub fn part(&self, bits: u32) -> usize {
        (u64::from(self.top) >> (32 - bits)) as usize
    }
}

/// Empty lines for `keys` keys at `bits` bits a key; at least one.
pub(super) fn lines_for(keys: usize, bits: usize) -> usize {
    (keys * bits).div_ceil(8 * LINE_BYTES).max(1)
}

pub(super) fn insert(lines: &mut [Line], probe: &Probe) {
    let line = &mut lines[pick(probe.line, lines.len())].0;
    for (word, mask) in probe.words.iter().zip(probe.masks) {
        line[usize::from(word & 7)] |= mask;
    }
}

/// `false`: the key is certainly not among those inserted.
#[inline]
pub(super) fn may_hold(lines: &[Line], probe: &Probe) -> bool {
    let Some(Line(line)) = lines.get(pick(probe.line, lines.len())) else { return false };
    let miss = |half: usize| !line[usize::from(probe.words[half] & 7)] & probe.masks[half];
    miss(0) | miss(1) == 0
}

pub(super) fn write(lines: &[Line], out: &mut Vec<u8>) {
    for word in lines.iter().flat_map(|line| line.0) {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// The lines in `bytes`, which must be whole lines.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = Line> {
    bytes.as_chunks::<LINE_BYTES>().0.iter().map(|line| {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(line.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Line(words)
    })
}

/// Spreads a 32-bit hash over `len` lines without a division.
fn pick(hash: u32, len: usize) -> usize {
    ((u64::from(hash) * len as u64) >> 32) as usize
}
