//! `tidewatch top`: the models, live in a terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read};
use crossterm::{cursor, execute, terminal};
use tokio::sync::mpsc;

use super::api::{Api, Target};
use super::glance::{Glance, Verdict};
use super::models::{HEADER, compare, row};
use super::table::table;
use super::{Outcome, print};
use crate::view::order::{Figure, Order};

/// How long a key may wait; also how soon the reader of keys ends.
const KEYS_EVERY: Duration = Duration::from_millis(100);

/// Keys that wait to be obeyed; full: the reader waits.
const KEYS_MAX: usize = 16;

const ORDERS: [Order; 7] = [
    Order::rising(Figure::Status),
    Order::rising(Figure::Name),
    Order::rising(Figure::Accuracy),
    Order::falling(Figure::ErrorRate),
    Order::falling(Figure::P95Seconds),
    Order::falling(Figure::Drift),
    Order::falling(Figure::ThroughputPerSecond),
];

/// Watch the models live in this terminal
#[derive(Args)]
#[command(after_help = "\
Keys: q quits, s sorts by the next column, arrows and page keys scroll, g goes back to the top. Without a terminal it prints once.

Examples:
  tidewatch top
  tidewatch top --sort=-drift --interval 5s
  tidewatch top --url http://tidewatch:8080 --token-file token")]
pub struct Top {
    /// What comes first, as `tidewatch models` has it
    #[arg(long, value_name = "ORDER", default_value = "status", allow_hyphen_values = true)]
    sort: Order,
    /// Between two looks, as 2s
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = crate::config::duration)]
    interval: Duration,
    #[command(flatten)]
    target: Target,
}

/// What is on the screen.
struct Screen {
    models: Vec<Glance>,
    /// Why the last look failed; the models are older then.
    problem: Option<String>,
    sort: Order,
    /// Rows that are above the screen.
    above: usize,
    url: String,
}

impl Top {
    pub async fn run(self) -> Outcome {
        let api = self.target.open()?;
        let models = look(&api).await?;
        let mut screen = Screen { models, problem: None, sort: self.sort, above: 0, url: api.url().to_owned() };
        if !std::io::stdout().is_terminal() {
            return print(&screen.lines(usize::MAX, usize::MAX).join("\n"));
        }
        let _raw = Raw::enter().context("cannot take over the terminal")?;
        watch(&api, &mut screen, self.interval).await?;
        Ok(())
    }
}

async fn watch(api: &Api, screen: &mut Screen, interval: Duration) -> anyhow::Result<()> {
    let (keys_in, mut keys) = mpsc::channel(KEYS_MAX);
    // ends with the process, or when nobody takes the keys any more
    std::thread::spawn(move || read_keys(&keys_in));
    let mut ticks = tokio::time::interval(interval);
    ticks.tick().await;
    loop {
        draw(screen)?;
        // both are cancel-safe: a key not taken stays in its channel, a tick stays due
        tokio::select! {
            event = keys.recv() => match event {
                Some(Event::Key(key)) if is_end(key) => return Ok(()),
                Some(Event::Key(key)) => screen.obey(key.code),
                Some(_) => {}
                None => return Ok(()),
            },
            _ = ticks.tick() => match look(api).await {
                Ok(models) => (screen.models, screen.problem) = (models, None),
                Err(error) => screen.problem = Some(format!("{error:#}")),
            },
        }
    }
}

fn read_keys(keys: &mpsc::Sender<Event>) {
    while !keys.is_closed() {
        match poll(KEYS_EVERY) {
            Ok(false) => {}
            Ok(true) => match read() {
                Ok(Event::Key(key)) if key.kind == KeyEventKind::Release => {}
                Ok(event) if keys.blocking_send(event).is_ok() => {}
                _ => return,
            },
            Err(_no_terminal) => return,
        }
    }
}

fn is_end(key: KeyEvent) -> bool {
    let interrupted = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    interrupted || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc)
}

async fn look(api: &Api) -> anyhow::Result<Vec<Glance>> {
    let items = Glance::all(api, "archived=false&").await?;
    Ok(items.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?)
}

fn draw(screen: &mut Screen) -> anyhow::Result<()> {
    let (width, height) = terminal::size()?;
    let lines = screen.lines(width.into(), height.into());
    // each line clears its rest, and the last what is below: nothing flickers
    let mut page = lines.join("\x1b[K\r\n");
    page.insert_str(0, "\x1b[H");
    page.push_str("\x1b[K\x1b[J");
    let mut out = std::io::stdout().lock();
    out.write_all(page.as_bytes())?;
    Ok(out.flush()?)
}

impl Screen {
    fn obey(&mut self, key: KeyCode) {
        let page = terminal::size().map_or(20, |(_, height)| usize::from(height).saturating_sub(4));
        self.above = match key {
            KeyCode::Char('s') => {
                let at = ORDERS.iter().position(|sort| *sort == self.sort).unwrap_or(0);
                self.sort = ORDERS[(at + 1) % ORDERS.len()];
                0
            }
            KeyCode::Char('g') | KeyCode::Home => 0,
            KeyCode::Down | KeyCode::Char('j') => self.above + 1,
            KeyCode::Up | KeyCode::Char('k') => self.above.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.above + page,
            KeyCode::PageUp => self.above.saturating_sub(page),
            KeyCode::End => usize::MAX,
            _ => self.above,
        };
    }

    /// The lines of a screen of that size.
    fn lines(&mut self, width: usize, height: usize) -> Vec<String> {
        self.models.sort_by(|a, b| compare(a, b, self.sort));
        let room = height.saturating_sub(3).max(1);
        self.above = self.above.min(self.models.len().saturating_sub(room));
        let visible = self.models.iter().skip(self.above).take(room);
        let rows: Vec<_> = visible.clone().map(row).collect();
        let table = table(HEADER, 2, &rows);
        let mut lines = vec![cut(&self.summary(), width)];
        let colours = std::iter::once("\x1b[1m").chain(visible.map(|model| colour(model.verdict())));
        let is_terminal = width != usize::MAX;
        lines.extend(table.lines().zip(colours).map(|(line, colour)| {
            let line = cut(line, width);
            if is_terminal && !colour.is_empty() && no_color_is_unset() { format!("{colour}{line}\x1b[0m") } else { line }
        }));
        let below = self.models.len() - self.above.min(self.models.len()) - rows.len();
        if 0 < below || 0 < self.above {
            lines.push(cut(&format!("{} above, {below} below", self.above), width));
        }
        lines
    }

    fn summary(&self) -> String {
        let count = |verdict: Verdict| self.models.iter().filter(|model| model.verdict() == verdict).count();
        let [critical, warning, unknown, ok] = [Verdict::Critical, Verdict::Warning, Verdict::Unknown, Verdict::Ok].map(count);
        let total = self.models.len();
        let sort = self.sort;
        let state = match &self.problem {
            Some(problem) => format!("no answer, figures are old: {problem}"),
            None => format!("by {sort}; s sorts, q quits"),
        };
        let url = &self.url;
        format!("{url}: {total} models, {critical} critical, {warning} warning, {unknown} unknown, {ok} healthy; {state}")
    }
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Critical => "\x1b[31m",
        Verdict::Warning => "\x1b[33m",
        Verdict::Unknown => "\x1b[2m",
        Verdict::Ok => "",
    }
}

/// As no-color.org has it: set and not empty turns colours off.
fn no_color_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn cut(line: &str, width: usize) -> String {
    line.chars().take(width).collect()
}

/// The terminal in raw mode with a screen of its own; given back when dropped, also by a panic.
struct Raw;

impl Raw {
    fn enter() -> std::io::Result<Self> {
        terminal::enable_raw_mode()?;
        let raw = Self;
        execute!(std::io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // a terminal that is gone needs nothing back
        let _ = execute!(std::io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_fits_and_says_what_does_not() {
        let model = |at: usize| Glance { name: format!("m{at:02}"), status: "healthy".into(), ..Glance::default() };
        let models = (0..10).map(model).collect();
        let mut screen = Screen { models, problem: None, sort: Order::rising(Figure::Name), above: 2, url: "http://a".into() };
        let lines = screen.lines(200, 7);
        assert_eq!(lines.len(), 7);
        assert!(lines[0].contains("10 models") && lines[2].contains("m02") && lines[5].contains("m05"), "{lines:?}");
        assert_eq!(lines[6], "2 above, 4 below");
        screen.obey(KeyCode::End);
        assert!(screen.lines(200, 7)[5].contains("m09"));
        assert!(screen.lines(10, 7).iter().all(|line| line.chars().count() <= 10 || line.contains('\x1b')));
    }
}
