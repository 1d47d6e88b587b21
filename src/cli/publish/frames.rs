//! Records one a line, gathered into messages.

use std::io::BufRead;

use anyhow::Context;

/// What becomes one message.
pub enum Frame {
    /// As it was given.
    Whole(Vec<u8>),
    Lines(Vec<Line>),
}

/// One record as JSON, and the line of the input where it stands.
pub struct Line {
    pub number: u64,
    pub text: Vec<u8>,
}

/// Gathers lines, so many a frame.
pub struct Frames<L> {
    lines: L,
    size: usize,
}

impl<L> Frames<L> {
    pub const fn new(lines: L, size: usize) -> Self {
        Self { lines, size }
    }
}

impl<L: Iterator<Item = anyhow::Result<Line>>> Iterator for Frames<L> {
    type Item = anyhow::Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        let lines: anyhow::Result<Vec<Line>> = self.lines.by_ref().take(self.size).collect();
        match lines {
            Ok(lines) if lines.is_empty() => None,
            lines => Some(lines.map(Frame::Lines)),
        }
    }
}

/// The lines of `input` that hold something, whatever bytes they are: the decoder says what is wrong with them.
pub fn lines(mut input: impl BufRead) -> impl Iterator<Item = anyhow::Result<Line>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let mut text = Vec::new();
            match input.read_until(b'\n', &mut text).context("cannot read the input") {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            number += 1;
            text.truncate(text.trim_ascii_end().len());
            if !text.is_empty() {
                return Some(Ok(Line { number, text }));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_empty_ones_are_passed_over() {
        let frames = Frames::new(lines(&b"{}\r\n\n {\"a\":1} \n[]"[..]), 2);
        let found: Vec<Vec<(u64, Vec<u8>)>> = frames
            .map(|frame| match frame.unwrap() {
                Frame::Lines(lines) => lines.into_iter().map(|line| (line.number, line.text)).collect(),
                Frame::Whole(_) => panic!("these are lines"),
            })
            .collect();
        let line = |number, text: &str| (number, text.as_bytes().to_vec());
        assert_eq!(found, [vec![line(1, "{}"), line(3, " {\"a\":1}")], vec![line(4, "[]")]]);
    }
}
