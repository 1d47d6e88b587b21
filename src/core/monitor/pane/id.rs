//! Which pane it is: of which model, how wide, and where it begins. Panes of minutes are what events are counted in; those of hours and days
//! are merged from them.

use serde::{Deserialize, Serialize};

use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::rows::{self, Key, Row, Tag, Unreadable};
use crate::time::{Span, Timestamp};

/// How wide a pane is, narrowest first. Each is aligned to the Unix epoch and made of whole panes of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Width {
    #[default]
    Minute = 0,
    Hour = 1,
    Day = 2,
}

/// The place of a pane, in the order of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaneId {
    pub model: u32,
    pub width: Width,
    pub start: Timestamp,
}

impl Width {
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub const fn span(self) -> Span {
        match self {
            Self::Minute => PANE_WIDTH,
            Self::Hour => Span::from_secs(3_600),
            Self::Day => Span::from_secs(86_400),
        }
    }

    /// The next one, of which each pane holds whole panes of this one.
    pub const fn wider(self) -> Option<Self> {
        match self {
            Self::Minute => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    /// The widest of which whole panes make up an aligned window so long.
    pub fn within(window: Span) -> Self {
        let parts = |width: &&Self| window.micros() % width.span().micros() == 0;
        Self::ALL.iter().rev().find(parts).copied().unwrap_or_default()
    }

    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl PaneId {
    pub const fn new(model: u32, width: Width, start: Timestamp) -> Self {
        Self { model, width, start }
    }

    /// Of a pane that events are counted in.
    pub const fn minute(model: u32, start: Timestamp) -> Self {
        Self::new(model, Width::Minute, start)
    }

    /// Where it ends; not part of it.
    pub fn end(self) -> Timestamp {
        self.start + self.width.span()
    }

    /// Of its row.
    pub fn key(self) -> Key {
        Self::keys_of(self.model, self.width).instant(self.start)
    }

    /// Prefix of the rows of all panes of a model that are so wide.
    pub fn keys_of(model: u32, width: Width) -> Key {
        Tag::Pane.all().u32(model).u8(width as u8)
    }

    /// The pane that is this row.
    ///
    /// Errors: [`Unreadable`] if the key names none.
    pub fn in_row(row: Row<'_>) -> Result<Self, Unreadable> {
        row.named(Tag::Pane, |_| Self::of_key(row.key))
    }

    /// The pane whose row has this key; `None` if it is the key of something else.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let mut fields = rows::fields(key, Tag::Pane as u8)?;
        let (model, width) = (fields.u32()?, fields.u8()?);
        let width = Width::ALL.into_iter().find(|known| *known as u8 == width)?;
        Some(Self { model, width, start: fields.instant()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_pane() {
        for width in Width::ALL {
            let id = PaneId::new(7, width, Timestamp::from_millis(1_767_225_600_000));
            assert_eq!(PaneId::of_key(&id.key()), Some(id));
        }
        assert_eq!(PaneId::of_key(&Tag::Pane.all().u32(7).u8(9).u64(0)), None, "no such width");
    }

    #[test]
    fn a_window_is_made_of_the_widest_panes_that_part_it() {
        let widths = [600, 3_600, 5_400, 21_600, 86_400, 604_800].map(|seconds| Width::within(Span::from_secs(seconds)));
        assert_eq!(widths, [Width::Minute, Width::Hour, Width::Minute, Width::Hour, Width::Day, Width::Day]);
    }
}
