//! Counts calls that are answered as they should be, and those that are not.

use abi::call::Error;
use assist::Tally;
use rt::sys::Outcome;

/// Counting, as a trait because the tally itself is a message.
pub trait Count {
    /// Counts a call whose answer is right or wrong.
    fn count(&mut self, right: bool);

    /// Counts a call that must be refused, with one of these errors.
    fn refused(&mut self, outcome: Outcome, errors: &[Error]) {
        self.count(outcome.is_err_and(|failure| errors.contains(&failure.error)));
    }

    /// Counts a call that must be refused, for whatever reason.
    fn denied(&mut self, outcome: Outcome) {
        self.count(outcome.is_err());
    }

    /// Counts a call that must be done, or refused with one of these errors.
    fn done_or(&mut self, outcome: Outcome, errors: &[Error]) {
        self.count(
            outcome.is_ok_and(|_| true)
                || outcome.is_err_and(|failure| errors.contains(&failure.error)),
        );
    }
}

impl Count for Tally {
    fn count(&mut self, right: bool) {
        self.made += 1;
        if !right {
            self.otherwise += 1;
            if self.first == 0 {
                self.first = self.made;
            }
        }
    }
}
