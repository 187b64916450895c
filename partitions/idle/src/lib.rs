//! Looks after the two that look after all others: where boot partition and resource manager are down at once, it starts the boot
//! partition, which brings the resource manager back, which brings the boot partition back. A boot partition that runs and leaves the
//! resource manager dead is ended, so that both are down.

#![cfg_attr(not(test), no_std)]

pub mod stranded;

use abi::call::Error;
use abi::control::{ContextOperation, ContextState};
use abi::fault::Reason;
use abi::image::name_text;
use abi::types::{Nanoseconds, Slot};
use rt::information::Pages;
use rt::sys::Outcome;

/// How often it looks while nothing has happened.
pub const LOOK: Nanoseconds = rt::time::milliseconds(250);
/// How long a boot partition that runs may leave the resource manager dead, and how often that is seen before it is ended.
const NEGLECT: Nanoseconds = rt::time::milliseconds(700);
const LOOKS: u32 = 3;
/// Argument of a boot partition that is started so: any but that of its first context.
const EMERGENCY: u64 = 1;

/// When somebody is to be rung once more: at once, then after a pause that doubles.
#[derive(Clone, Copy, Debug)]
pub struct Reminder {
    next: Nanoseconds,
    pause: Nanoseconds,
}

impl Reminder {
    /// With its first pause.
    #[must_use]
    pub const fn new(pause: Nanoseconds) -> Self {
        Self { next: Nanoseconds::NOW, pause }
    }

    /// Whether it is time; if so, when it is next.
    pub fn is_due(&mut self, now: Nanoseconds) -> bool {
        let due = now >= self.next;
        if due {
            self.next = Nanoseconds::new(now.raw().saturating_add(self.pause.raw()));
            self.pause = Nanoseconds::new(self.pause.raw().saturating_mul(2));
        }
        due
    }
}

/// What it takes.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    boot: Slot,
    manager: Slot,
    entry: u64,
    stack: u64,
}

impl Guard {
    /// From what the resource manager gave, which it may have died while it wrote; `None` where it gave nothing.
    #[must_use]
    pub fn find() -> Option<Self> {
        let pages = Pages::find()?.unsettled();
        let named = |name| pages.resources().find(|one| name_text(&one.name) == name);
        let (boot, manager) = (named("boot-context")?, named("manager-context")?);
        let (entry, stack) = (boot.address, boot.length);
        Some(Self { boot: Slot::new(boot.slot), manager: Slot::new(manager.slot), entry, stack })
    }

    /// Whether the boot partition has stopped.
    pub fn boot_rests(&self, control: impl FnOnce(Slot, u64, [u64; 4]) -> Outcome) -> bool {
        let state = control(self.boot, ContextOperation::State as u64, [0; 4]);
        state.is_ok_and(|[state, ..]| rests(state))
    }

    /// Starts the boot partition if both are down, here where its own processor failed; whether it did.
    pub fn look(&self, here: u64, mut control: impl FnMut(Slot, u64, [u64; 4]) -> Outcome) -> bool {
        let state = ContextOperation::State as u64;
        let manager = match control(self.manager, state, [0; 4]) {
            Ok([state, ..]) => state == ContextState::Faulted as u64,
            // It was started anew and has not got so far as to tell this partition.
            Err(failure) => failure.error == Error::Stale,
        };
        match control(self.boot, state, [0; 4]) {
            Ok([state, processor, ..]) if manager && rests(state) => {
                let configure = ContextOperation::Configure as u64;
                let mut on = |processor| {
                    let start = [self.entry, self.stack, processor, EMERGENCY];
                    control(self.boot, configure, start).is_ok()
                };
                (on(processor) || on(here))
                    && control(self.boot, ContextOperation::Start as u64, [0; 4]).is_ok()
            }
            _ => false,
        }
    }
}

/// A death of the resource manager about which a boot partition that runs does nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct Neglect {
    /// Looks at this death, when the first was, and by what it is told from others.
    looks: u32,
    since: u64,
    sign: u64,
}

impl Neglect {
    /// Looks; ends the boot partition where it had more than time enough. Whether it did.
    pub fn look(
        &mut self,
        guard: &Guard,
        now: Nanoseconds,
        mut control: impl FnMut(Slot, u64, [u64; 4]) -> Outcome,
    ) -> bool {
        let state = ContextOperation::State as u64;
        let dead = match control(guard.manager, state, [0; 4]) {
            Ok([state, _, used, _]) => (state == ContextState::Faulted as u64).then_some(used),
            // Renewed, and not got so far as to tell this partition: its generation, apart from any count.
            Err(failure) => (failure.error == Error::Stale).then_some(!failure.value),
        };
        let Some(sign) = dead.filter(|_| !guard.boot_rests(&mut control)) else {
            *self = Self::default();
            return false;
        };
        if self.looks == 0 || sign != self.sign {
            *self = Self { looks: 0, since: now.raw(), sign };
        }
        self.looks = self.looks.saturating_add(1);
        let long = now.raw().saturating_sub(self.since) >= NEGLECT.raw() && self.looks >= LOOKS;
        let stop = [Reason::Hang as u64, 0, 0, 0];
        let ended = long && control(guard.boot, ContextOperation::Stop as u64, stop).is_ok();
        if ended {
            *self = Self::default();
        }
        ended
    }
}

/// Whether a context in this state does not run and will not by itself.
fn rests(state: u64) -> bool {
    [ContextState::Faulted as u64, ContextState::Stopped as u64].contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rt::sys::Failure;
    use std::vec::Vec;

    const STACK: u64 = 0x0c00_8000;
    const GUARD: Guard =
        Guard { boot: Slot::new(1), manager: Slot::new(2), entry: 0x40_1000, stack: STACK };

    #[test]
    fn a_boot_that_leaves_the_manager_dead_is_ended() {
        use ContextState::{Faulted, Ready, Stopped, Waiting};
        let dead = |used| Ok([Faulted as u64, 0, used, 0]);
        let stale = |value| Err(Failure { error: Error::Stale, value });
        let lives = || Ok([Ready as u64, 0, 5, 0]);
        // What is seen of both at each look, 250 ms after the one before; at which look boot is ended.
        let ended = |looks: &[(Outcome, ContextState)]| {
            let (mut neglect, mut now, mut ends) = (Neglect::default(), 1_000_000, Vec::new());
            for (number, (manager, boot)) in looks.iter().enumerate() {
                let look =
                    |slot: Slot, operation, arguments: [u64; 4]| match (slot.raw(), operation) {
                        (2, 4) => *manager,
                        (1, 4) => state(*boot),
                        (1, stop) if stop == ContextOperation::Stop as u64 => {
                            assert_eq!(arguments[0], Reason::Hang as u64);
                            Ok([0; 4])
                        }
                        other => panic!("{other:?}"),
                    };
                if neglect.look(&GUARD, Nanoseconds::new(now), look) {
                    ends.push(number);
                }
                now += LOOK.raw();
            }
            ends
        };
        assert_eq!(ended(&[(dead(5), Waiting); 4]), [3]);
        assert_eq!(ended(&[(stale(7), Ready); 5]), [3]);
        assert_eq!(ended(&[(lives(), Ready); 9]), []);
        assert_eq!(ended(&[(dead(5), Stopped); 9]), [], "nobody is there to be ended");
        let often: Vec<_> = (0..9).map(|used| (dead(used), Waiting)).collect();
        assert_eq!(ended(&often), [], "it dies and comes back");
        let early: Vec<_> = (0..9).map(|generation| (stale(generation), Waiting)).collect();
        assert_eq!(
            ended(&early),
            [],
            "it dies before it tells this partition, and is started anew"
        );
        let late: Vec<_> =
            (0..9).map(|look| (if look % 3 == 2 { lives() } else { dead(5) }, Ready)).collect();
        assert_eq!(ended(&late), []);
    }

    /// What a guard does where the two are in these states: operations on boot beside looking.
    fn done(boot: Outcome, manager: Outcome) -> Vec<(u64, [u64; 4])> {
        let mut done = Vec::new();
        let started = GUARD.look(5, |slot, operation, arguments| match (slot.raw(), operation) {
            (1, 4) => boot,
            (2, 4) => manager,
            (1, _) => {
                done.push((operation, arguments));
                Ok([0; 4])
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(started, !done.is_empty());
        done
    }

    fn state(state: ContextState) -> Outcome {
        Ok([state as u64, 3, 0, 0])
    }

    #[test]
    fn reminders_come_at_once_and_then_ever_more_rarely() {
        let mut reminder = Reminder::new(Nanoseconds::new(10));
        let due = (1_000..2_000).filter(|now| reminder.is_due(Nanoseconds::new(*now)));
        assert_eq!(due.collect::<Vec<_>>(), [1000, 1010, 1030, 1070, 1150, 1310, 1630]);
    }

    #[test]
    fn boot_is_started_only_where_both_are_down() {
        assert_eq!(ContextOperation::State as u64, 4);
        use ContextState::{Faulted, Ready, Stopped, Stopping, Waiting};
        let stale = Err(Failure { error: Error::Stale, value: 7 });
        let none = Err(Failure { error: Error::NoCapability, value: 0 });
        let start = [
            (ContextOperation::Configure as u64, [0x40_1000, STACK, 3, 1]),
            (ContextOperation::Start as u64, [0; 4]),
        ];
        for boot in [Faulted, Stopped] {
            assert_eq!(done(state(boot), state(Faulted)), start);
            assert_eq!(done(state(boot), stale), start);
            for manager in [state(Ready), state(Waiting), state(Stopping), none] {
                assert_eq!(done(state(boot), manager), []);
            }
        }
        for boot in [state(Ready), state(Waiting), state(Stopping), stale, none] {
            assert_eq!(done(boot, state(Faulted)), []);
        }
    }
}
