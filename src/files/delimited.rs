//! CSV and its kin: fields between separators, quoted where they hold one (RFC 4180).

use std::borrow::Cow;
use std::sync::Arc;

use super::cell::{Cell, Plain, classify};
use super::{Ask, Error, Rows};

/// Which separators are tried, the most usual first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Records that are looked at to find the separator.
const LOOKED_AT: usize = 200;

/// How a file is laid out.
#[derive(Debug)]
pub struct Layout {
    pub separator: u8,
    pub names: Arc<[String]>,
    /// What lies before the first record.
    pub header_bytes: usize,
    /// For each field of a record its place among the columns that are kept.
    slots: Vec<Option<usize>>,
    kept: Arc<[String]>,
    typed: Arc<[bool]>,
    /// By kept column: whether its cells are texts as they stand.
    texts: Vec<bool>,
    /// Fields from here on are counted only.
    last_kept: usize,
}

impl Layout {
    /// Finds separator and header from the start of a file.
    ///
    /// The separator is the one that parts the header and the records into equally many fields, of several the one with the most fields, then with
    /// the most numbers. `sep=;` in a line of its own, as spreadsheets write it, is obeyed.
    pub fn sniff(text: &[u8], is_all: bool) -> Result<Self, Error> {
        let (told, skipped) = match text {
            [b's', b'e', b'p', b'=', separator, rest @ ..] if matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) => {
                (Some(*separator), 5 + if rest[0] == b'\n' { 1 } else { 2 })
            }
            _ => (None, 0),
        };
        let text = &text[skipped..];
        let separator = told.unwrap_or_else(|| separator_of(text, is_all));
        let (header, header_bytes) = Record::at(text, separator);
        let mut names = Vec::new();
        for field in &header {
            names.push(utf8(field, 1)?.trim().to_owned());
        }
        if let Some((_, twice)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(Error::Unreadable(format!("two columns are called {twice:?}")));
        }
        Ok(Self {
            separator,
            names: names.into(),
            header_bytes: skipped + header_bytes,
            slots: Vec::new(),
            kept: Arc::default(),
            typed: Arc::default(),
            texts: Vec::new(),
            last_kept: 0,
        })
    }

    /// Keeps the columns that are asked for.
    pub fn choose(&mut self, ask: Ask<'_>) {
        let mut kept = Vec::new();
        for name in self.names.iter() {
            self.slots.push((ask.columns)(name).then(|| {
                kept.push(name.clone());
                kept.len() - 1
            }));
        }
        self.last_kept = self.slots.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.typed = kept.iter().map(|_| false).collect();
        self.texts = kept.iter().map(|name| (ask.texts)(name)).collect();
        self.kept = kept.into();
    }
}

fn separator_of(text: &[u8], is_all: bool) -> u8 {
    let looks = SEPARATORS.map(|separator| Look::at(text, separator, is_all));
    let best = looks.iter().filter(|look| look.is_even && 1 < look.fields);
    let best = best.rev().max_by(|a, b| a.fields.cmp(&b.fields).then(a.numbers.cmp(&b.numbers)));
    match best {
        Some(look) => look.separator,
        // one column: by no means may the comma of `60,5` part it
        None if looks[0].fields == 1 && !looks[0].is_even => b';',
        None => looks.iter().find(|look| 1 < look.fields).map_or(b',', |look| look.separator),
    }
}

/// What the start of a file is with one of the separators.
struct Look {
    separator: u8,
    /// Of the header.
    fields: usize,
    /// Whether all but a twentieth of the records have as many.
    is_even: bool,
    numbers: usize,
}

impl Look {
    fn at(text: &[u8], separator: u8, is_all: bool) -> Self {
        let (header, mut at) = Record::at(text, separator);
        let (mut records, mut uneven, mut numbers) = (0, 0, 0);
        while records < LOOKED_AT && at < text.len() {
            let (fields, bytes) = Record::at(&text[at..], separator);
            at += bytes;
            let is_cut = at == text.len() && !is_all && !text.ends_with(b"\n");
            if is_cut || fields.iter().all(|field| field.trim_ascii().is_empty()) && fields.len() == 1 {
                continue;
            }
            records += 1;
            uneven += usize::from(fields.len() != header.len());
            let is_number = |field: &&Cow<'_, [u8]>| {
                let text = std::str::from_utf8(field).unwrap_or_default().trim();
                matches!(classify(text), Plain::Cell(Cell::Number(_) | Cell::Comma(_) | Cell::Either(_) | Cell::Grouped(_)))
            };
            numbers += fields.iter().filter(is_number).count();
        }
        Self { separator, fields: header.len(), is_even: 20 * uneven <= records, numbers }
    }
}

/// The fields of one record.
type Fields<'t> = Vec<Cow<'t, [u8]>>;

struct Record;

impl Record {
    /// The first record of a text, and its bytes with the end of its line.
    fn at(text: &[u8], separator: u8) -> (Fields<'_>, usize) {
        let (mut fields, mut at) = (Vec::new(), 0);
        loop {
            let (field, length) = field(&text[at..], separator);
            at += length;
            fields.push(field);
            match text.get(at) {
                Some(byte) if *byte == separator => at += 1,
                Some(b'\r') if text.get(at + 1) == Some(&b'\n') => return (fields, at + 2),
                Some(_) => return (fields, at + 1),
                None => return (fields, at),
            }
        }
    }
}

/// The field that begins a text, and its bytes up to the separator or the end of the line.
fn field(text: &[u8], separator: u8) -> (Cow<'_, [u8]>, usize) {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    if text.get(blanks) == Some(&b'"') {
        let (field, length, is_whole) = quoted(&text[blanks..], separator);
        // `a, "b"` is written by many; in `a, "b" or c` the quotes belong to the text
        if blanks == 0 || is_whole {
            return (field, blanks + length);
        }
    }
    let (field, length) = unquoted(text, separator);
    (Cow::Borrowed(field), length)
}

/// A field that begins with a quote; and whether there is a closing one that nothing but blanks follows.
fn quoted(text: &[u8], separator: u8) -> (Cow<'_, [u8]>, usize, bool) {
    let mut at = 1;
    let mut doubled = false;
    while let Some(quote) = memchr::memchr(b'"', &text[at..]) {
        at += quote + 1;
        if text.get(at) != Some(&b'"') {
            break;
        }
        doubled = true;
        at += 1;
    }
    let closed = 1 < at && text[at - 1] == b'"';
    let held = &text[1..if closed { at - 1 } else { text.len() }];
    let at = if closed { at } else { text.len() };
    let mut value = if doubled { Cow::Owned(undoubled(held)) } else { Cow::Borrowed(held) };
    // what follows a closing quote belongs to the field, as other readers have it
    let (tail, length) = if closed { unquoted(&text[at..], separator) } else { (&[][..], 0) };
    let is_blank = tail.trim_ascii().is_empty();
    if !is_blank {
        value.to_mut().extend_from_slice(tail);
    }
    (value, at + length, closed && is_blank)
}

fn unquoted(text: &[u8], separator: u8) -> (&[u8], usize) {
    let end = memchr::memchr2(separator, b'\n', text).unwrap_or(text.len());
    let returns = usize::from(text.get(end) == Some(&b'\n') && text[..end].last() == Some(&b'\r'));
    (&text[..end - returns], end - returns)
}

fn undoubled(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        plain.push(*byte);
        if *byte == b'"' {
            bytes.next();
        }
    }
    plain
}

/// Where the last whole record of a text ends that begins with a record; `None` if none does.
pub fn last_end(text: &[u8], separator: u8) -> Option<usize> {
    let (mut at, mut end) = (0, None);
    loop {
        // up to the next quote that opens a field, every end of a line ends a record
        let mut quotes = memchr::memchr_iter(b'"', &text[at..]).map(|quote| at + quote);
        let opening = quotes.find_map(|quote| {
            let blanks = text[..quote].iter().rev().take_while(|byte| **byte == b' ').count();
            let before = (quote - blanks).checked_sub(1).map(|before| text[before]);
            before.is_none_or(|before| before == separator || before == b'\n').then_some((quote - blanks, quote))
        });
        let until = opening.map_or(text.len(), |(start, _)| start);
        end = memchr::memrchr(b'\n', &text[at..until]).map(|newline| at + newline + 1).or(end);
        let Some((start, quote)) = opening else { return end };
        if text.len() <= quote + quoted(&text[quote..], separator).1 {
            return end;
        }
        at = start + field(&text[start..], separator).1;
    }
}

/// Reads a block of whole records, the first of which is at `line`; says too how many blank lines it passed over.
pub fn parse(text: &[u8], line: u64, layout: &Layout) -> Result<(Rows, u64), Error> {
    let mut rows = Rows { names: layout.kept.clone(), typed: layout.typed.clone(), first: line, ..Rows::default() };
    rows.columns = vec![Vec::new(); layout.kept.len()];
    let has_quotes = memchr::memchr(b'"', text).is_some();
    let (mut at, mut place, mut blank) = (0, 0, 0);
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end);
        let record = &text[at..end];
        if has_quotes && memchr::memchr(b'"', record).is_some() {
            let (fields, bytes) = Record::at(&text[at..], layout.separator);
            rows.lines.push(place);
            add(&mut rows, fields.iter().map(|field| &**field), line + u64::from(place), layout)?;
            place += memchr::memchr_iter(b'\n', &text[at..at + bytes]).count() as u32;
            at += bytes;
            continue;
        }
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        if record.trim_ascii().is_empty() && !record.contains(&layout.separator) {
            blank += 1;
        } else {
            rows.lines.push(place);
            add_plain(&mut rows, record, line + u64::from(place), layout)?;
        }
        place += 1;
        at = end + 1;
    }
    rows.count = rows.lines.len();
    Ok((rows, blank))
}

/// A record without quotes: what no column keeps is only counted.
fn add_plain(rows: &mut Rows, record: &[u8], place: u64, layout: &Layout) -> Result<(), Error> {
    let mut rest = Some(record);
    for (number, slot) in layout.slots[..layout.last_kept].iter().enumerate() {
        let Some(fields) = rest else { return Err(uneven(place, number, layout)) };
        let end = memchr::memchr(layout.separator, fields);
        let field = &fields[..end.unwrap_or(fields.len())];
        rest = end.map(|end| &fields[end + 1..]);
        if let Some(slot) = slot {
            let text = utf8(field, place)?.trim();
            let cell = if layout.texts[*slot] { rows.verbatim(text) } else { rows.cell_of(text) };
            rows.columns[*slot].push(cell);
        }
    }
    let further = rest.map_or(0, |rest| 1 + memchr::memchr_iter(layout.separator, rest).count());
    let fields = layout.last_kept + further;
    if fields == layout.slots.len() { Ok(()) } else { Err(uneven(place, fields, layout)) }
}

fn add<'f>(rows: &mut Rows, fields: impl ExactSizeIterator<Item = &'f [u8]>, place: u64, layout: &Layout) -> Result<(), Error> {
    if fields.len() != layout.slots.len() {
        return Err(uneven(place, fields.len(), layout));
    }
    for (field, slot) in fields.zip(&layout.slots) {
        if let Some(slot) = slot {
            let text = utf8(field, place)?.trim();
            let cell = if layout.texts[*slot] { rows.verbatim(text) } else { rows.cell_of(text) };
            rows.columns[*slot].push(cell);
        }
    }
    Ok(())
}

fn uneven(place: u64, fields: usize, layout: &Layout) -> Error {
    let separator = super::Format::Delimited(layout.separator).shown();
    Error::at_line(place, format!(" has {fields} fields and the header {} (read as {separator})", layout.slots.len()))
}

pub fn utf8(text: &[u8], place: u64) -> Result<&str, Error> {
    std::str::from_utf8(text).map_err(|_| {
        Error::at_line(place, " is not UTF-8: convert the file first, such as with `iconv -f WINDOWS-1252 -t UTF-8` (or CP949, SHIFT_JIS: as it was written)")
    })
}
