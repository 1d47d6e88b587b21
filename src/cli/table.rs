//! Tables for people: columns as wide as their widest cell.

/// Lays `rows` out below `header`; the first `left` columns flush left, the others right. A row holds as many cells as the header.
pub fn table<const COLUMNS: usize>(header: [&str; COLUMNS], left: usize, rows: &[[String; COLUMNS]]) -> String {
    let header = header.map(str::to_owned);
    let mut widths = [0; COLUMNS];
    for row in std::iter::once(&header).chain(rows) {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.chars().count()));
    }
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let pad = " ".repeat(width - cell.chars().count());
            let (before, after) = if column < left { ("", pad.as_str()) } else { (pad.as_str(), "") };
            text.extend([before, cell, after, "  "]);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// A figure to six significant digits; `-` if it is not known.
pub fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) => format!("{value:.3e}"),
        Some(value) => {
            let whole = value.abs().max(1.0).log10() as usize;
            format!("{value:.*}", 5_usize.saturating_sub(whole))
        }
    }
}

/// A name as one line of a terminal shows it: control characters are escaped.
pub fn shown(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect::<Vec<_>>() } else { vec![c] }).collect()
}
