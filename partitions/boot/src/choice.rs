//! With which program the resource manager is brought back: the one that it runs, the next, or, where one that has not proved itself ended, the
//! one before.

use abi::programs::{Programs, Return};

/// What a life finds when the resource manager is down.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// What the resource manager said last.
    pub told: Programs,
    /// What a life began to bring back and did not come to start.
    pub plan: Option<Return>,
    /// What was started last.
    pub started: Option<Return>,
    /// It ended; else a life of this partition had begun to start it.
    pub ended: bool,
}

impl Found {
    /// What to bring back. An emergency life, after which nobody watches what it started, takes one that has proved itself.
    pub fn choose(&self, emergency: bool) -> Return {
        if !emergency {
            let begun = if self.ended { self.plan } else { self.plan.or(self.started) };
            if let Some(begun) = begun {
                return begun;
            }
        }
        let Programs { runs, next, before } = self.told;
        if let Some(before) = before.filter(|before| *before != runs) {
            return Return { image: before, failed: Some(runs) };
        }
        let Some(next) = next.filter(|next| *next != runs) else {
            return Return { image: runs, failed: None };
        };
        // One that came so far as to say that it runs is not the next any more.
        let failed =
            self.started.is_some_and(|last| [Some(last.image), last.failed].contains(&Some(next)));
        match (emergency, failed) {
            (_, true) => Return { image: runs, failed: Some(next) },
            (true, _) => Return { image: runs, failed: None },
            (false, _) => Return { image: next, failed: None },
        }
    }

    /// Whether what runs has yet to prove itself.
    pub fn is_trial(&self) -> bool {
        let said = self.started.is_none_or(|last| last.image == self.told.runs);
        self.told.before.is_some()
            || !said && self.started.is_some_and(|last| Some(last.image) == self.told.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: u8 = 0;
    const NEW: u8 = 2;

    fn only(image: u8) -> Return {
        Return { image, failed: None }
    }

    /// A resource manager that runs `OLD` and was told of `NEW`.
    const NOTED: Programs = Programs { runs: OLD, next: Some(NEW), before: None };
    /// One that went over.
    const TRIAL: Programs = Programs { runs: NEW, next: None, before: Some(OLD) };

    fn found(told: Programs) -> Found {
        Found { told, plan: None, started: None, ended: true }
    }

    // covers: REC-4
    #[test]
    fn the_next_is_tried_once_and_the_one_before_comes_back() {
        let first = found(NOTED);
        assert_eq!(first.choose(false), only(NEW));
        let silent = Found { started: Some(only(NEW)), ..first };
        let back = Return { image: OLD, failed: Some(NEW) };
        assert!(silent.is_trial());
        assert_eq!(silent.choose(false), back, "it ended before it said that it runs");
        let again = Found { started: Some(back), ..first };
        assert_eq!(again.choose(false), back, "the old one ended before it wrote that down");
        assert_eq!(found(TRIAL).choose(false), back);
        assert!(found(TRIAL).is_trial());
        let proved = Programs { runs: NEW, next: None, before: None };
        let proved = Found { started: Some(only(NEW)), ..found(proved) };
        assert_eq!((proved.choose(false), proved.is_trial()), (only(NEW), false));
    }

    // covers: REC-4
    #[test]
    fn a_life_goes_on_with_what_another_began() {
        let began = Found { plan: Some(only(NEW)), ..found(NOTED) };
        assert_eq!(began.choose(false), only(NEW), "it died before it touched the context");
        assert_eq!(Found { ended: false, ..began }.choose(false), only(NEW));
        let due = Found { started: Some(only(NEW)), ended: false, ..found(NOTED) };
        assert_eq!(due.choose(false), only(NEW), "it died before the start: that was no failure");
    }

    // covers: REC-4
    #[test]
    fn an_emergency_tries_nothing() {
        for ended in [false, true] {
            let began = Found { plan: Some(only(NEW)), ended, ..found(NOTED) };
            assert_eq!(began.choose(true), only(OLD));
            assert_eq!(Found { ended, ..found(TRIAL) }.choose(true).image, OLD);
        }
    }

    /// Half of a change that the resource manager was writing down when it died: what is started runs, or did.
    #[test]
    fn half_of_a_change_leads_to_one_of_the_two() {
        for (from, to) in [(NOTED, TRIAL), (TRIAL, only_runs(OLD)), (TRIAL, only_runs(NEW))] {
            for bytes in 0..8 {
                let keep = u64::MAX << (bytes * 8);
                let torn = Programs::from_word(from.word() & keep | to.word() & !keep);
                for started in [None, Some(only(OLD)), Some(only(NEW))] {
                    let choice = Found { started, ..found(torn) }.choose(false);
                    assert!([OLD, NEW].contains(&choice.image), "{torn:?}");
                }
            }
        }
    }

    fn only_runs(runs: u8) -> Programs {
        Programs { runs, next: None, before: None }
    }
}
