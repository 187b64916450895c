//! Processors that halt, and those that do for good.

use super::machine::TestMachine;

impl TestMachine {
    /// Whether a processor stopped by itself.
    pub fn is_dead(&self, id: usize) -> bool {
        self.dead.get() >> id & 1 != 0
    }

    /// A processor halts by what it remembers; a decision that remembers nothing finds nobody either, and no earlier deadline.
    pub fn look_again(&self, id: u16) {
        let timer = || self.timer_of(id).unwrap_or(u64::MAX);
        let before = timer();
        self.nudge_on(id);
        assert_eq!(self.running(id), None, "somebody was forgotten");
        assert!(before <= timer(), "a deadline was forgotten");
    }
}
