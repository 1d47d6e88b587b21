//! Bytes that are written once and read again from the beginning, in bounded memory: what memory has no room for is put aside on disk.

use std::sync::Arc;

use super::Error;
use super::spill::{Piece, Spill};

/// Memory for one journal, in bytes.
const HELD_MAX: usize = 64 << 20;

/// Pieces of bytes in the order in which they were added.
#[derive(Debug, Default)]
pub struct Journal {
    aside: Vec<Piece>,
    held: Vec<Vec<u8>>,
    held_bytes: usize,
    spill: Arc<Spill>,
}

impl Journal {
    pub fn add(&mut self, piece: Vec<u8>) -> Result<(), Error> {
        self.held_bytes += piece.len();
        self.held.push(piece);
        if HELD_MAX < self.held_bytes {
            for piece in self.held.drain(..) {
                self.aside.push(self.spill.write_bytes(&piece)?);
            }
            self.held_bytes = 0;
        }
        Ok(())
    }

    /// Gives every piece to `take`. What cannot be read back is told by [`Spill::check`] of [`Self::spill`], and is left out.
    pub fn walk(&self, mut take: impl FnMut(&[u8])) {
        self.aside.iter().for_each(|piece| take(&self.spill.read_bytes(*piece)));
        self.held.iter().for_each(|piece| take(piece));
    }

    pub fn spill(&self) -> Arc<Spill> {
        self.spill.clone()
    }
}
