//! What a version gives back when its model is forgotten.

use super::{Fleet, Track};

impl Track {
    /// Gives back all it has of what the fleet shares: its model is forgotten.
    pub fn release(&mut self, fleet: &mut Fleet) {
        self.drop_reference(fleet);
        self.forget_segments(fleet);
        if let Some(baseline) = self.baseline.take() {
            fleet.columns -= baseline.columns.len() as u64;
        }
        self.release_lessons(fleet);
    }
}
