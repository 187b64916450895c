//! A processor failed, and the resource manager, or the boot partition that would bring it back, may have been there: takes them
//! to its own processor and lends them its time, until the manager has made plans in which they have a place.

use abi::control::{ContextOperation, ContextState};
use abi::image::name_text;
use abi::types::Slot;
use rt::information::Pages;
use rt::sys::Outcome;

/// Somebody who may have to be taken along: the context, and what rings it.
#[derive(Clone, Copy, Debug)]
pub struct Ward {
    context: Slot,
    bell: Slot,
}

/// The two who are, those first who can help the others.
#[derive(Clone, Copy, Debug)]
pub struct Wards([Ward; 2]);

impl Wards {
    /// From what the resource manager gave, which may just be writing; `None` where it gave nothing.
    #[must_use]
    pub fn find() -> Option<Self> {
        let pages = Pages::find()?.unsettled();
        let named = |name| {
            let one = pages.resources().find(|one| name_text(&one.name) == name)?;
            Some(Slot::new(one.slot))
        };
        let manager = Ward { context: named("manager-context")?, bell: named("manager-bell")? };
        let boot = Ward { context: named("boot-context")?, bell: named("boot-bell")? };
        Some(Self([manager, boot]))
    }

    /// What rings the resource manager.
    #[must_use]
    pub fn manager_bell(&self) -> Slot {
        let Self([manager, _]) = self;
        manager.bell
    }

    /// Takes those along whose processor failed. The bell of one that lives here, on processor `here`: the manager's, or, while
    /// that is lost, boot's.
    pub fn look(
        &self,
        here: u64,
        mut control: impl FnMut(Slot, u64, [u64; 4]) -> Outcome,
    ) -> Option<Slot> {
        self.0.iter().find(|ward| ward.take(here, &mut control)).map(|ward| ward.bell)
    }
}

impl Ward {
    /// Whether it is here and can run, after it was taken here where it has to be.
    fn take(&self, here: u64, control: &mut impl FnMut(Slot, u64, [u64; 4]) -> Outcome) -> bool {
        let mut on = |operation: ContextOperation, argument| {
            control(self.context, operation as u64, [argument, 0, 0, 0])
        };
        match on(ContextOperation::State, 0) {
            Ok([state, ..]) if state == ContextState::Stranded as u64 => {
                let mut steps =
                    [ContextOperation::Stop, ContextOperation::Move, ContextOperation::Start]
                        .into_iter();
                steps.all(|step| {
                    on(step, if step == ContextOperation::Move { here } else { 0 }).is_ok()
                })
            }
            Ok([state, there, ..]) => {
                let runs = [ContextState::Ready as u64, ContextState::Waiting as u64];
                there == here && runs.contains(&state)
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::call::Error;
    use rt::sys::Failure;
    use std::vec::Vec;

    const WARDS: Wards = Wards([
        Ward { context: Slot::new(1), bell: Slot::new(11) },
        Ward { context: Slot::new(2), bell: Slot::new(12) },
    ]);
    const HERE: u64 = 3;

    /// Whose bell is to be rung where the two are in these states on these processors, and what was done to them.
    fn looked(manager: Outcome, boot: Outcome) -> (Option<u16>, Vec<(u16, u64, u64)>) {
        let mut done = Vec::new();
        let bell =
            WARDS.look(HERE, |slot, operation, [argument, ..]| match (slot.raw(), operation) {
                (1, 4) => manager,
                (2, 4) => boot,
                (slot, _) => {
                    done.push((slot, operation, argument));
                    Ok([0; 4])
                }
            });
        (bell.map(Slot::raw), done)
    }

    fn state(state: ContextState, there: u64) -> Outcome {
        Ok([state as u64, there, 0, 0])
    }

    // covers: REC-3
    #[test]
    fn whoever_is_stranded_is_taken_along_and_nobody_else() {
        assert_eq!(ContextOperation::State as u64, 4);
        use ContextState::{Faulted, Ready, Stopped, Stopping, Stranded, Waiting};
        let taken = |slot| {
            [
                (slot, ContextOperation::Stop),
                (slot, ContextOperation::Move),
                (slot, ContextOperation::Start),
            ]
            .map(|(slot, step)| {
                (slot, step as u64, if step == ContextOperation::Move { HERE } else { 0 })
            })
            .to_vec()
        };
        let stale = Err(Failure { error: Error::Stale, value: 7 });
        assert_eq!(looked(state(Stranded, 0), state(Stranded, 0)), (Some(11), taken(1)));
        for manager in [state(Faulted, 0), stale] {
            assert_eq!(
                looked(manager, state(Stranded, 0)),
                (Some(12), taken(2)),
                "boot brings it back"
            );
            assert_eq!(looked(manager, state(Waiting, HERE)), (Some(12), Vec::new()));
            assert_eq!(
                looked(manager, state(Waiting, 0)),
                (None, Vec::new()),
                "boot has time of its own"
            );
        }
        for lives in [Ready, Waiting] {
            assert_eq!(
                looked(state(lives, HERE), state(Stranded, 0)),
                (Some(11), Vec::new()),
                "the manager's to do"
            );
            assert_eq!(looked(state(lives, 0), state(Faulted, 0)), (None, Vec::new()));
        }
        for rests in [Stopped, Stopping] {
            assert_eq!(looked(state(rests, HERE), state(Stopped, HERE)), (None, Vec::new()));
        }
    }
}
