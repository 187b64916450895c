//! Compares what the witnesses saw, frame by frame.

use rt::Owed;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Witnesses.
pub const WITNESSES: usize = 4;
/// Frames from which the slots of a plan are learnt.
const LEARNT: u32 = 8;

/// How it went.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Report {
    /// Frames that were checked.
    pub frames: u64,
    /// Frames from which on another plan was seen.
    pub changes: u64,
    /// Frames of which some witness saw nothing: it waited for the others.
    pub silent: u64,
    /// Frames in which slots of both plans were seen, on one processor or on two.
    pub mixed: u64,
    /// The first of them.
    pub first: u64,
    /// What each witness saw in it, 16 bits each.
    pub saw: u64,
    /// Slots of the two plans, as learnt, 16 bits for each witness.
    pub plans: [u64; 2],
}

/// What is being done.
#[derive(Clone, Copy, Default)]
enum Mode {
    #[default]
    Rest,
    /// Learns a plan, from so many further frames; whom to tell.
    Learn(usize, u32, Owed),
    /// Checks; the plan that was seen last.
    Check(Option<usize>),
}

/// The check.
#[derive(Default)]
pub struct Check {
    mode: Mode,
    plans: [[u16; WITNESSES]; 2],
    /// The next frame to look at.
    next: u64,
    report: Report,
}

impl Check {
    /// Learns the slots of a plan, 0 or 1, from the frames after `now`; `owed` is told then.
    pub fn learn(&mut self, plan: usize, owed: Owed, now: u64) {
        self.plans[plan] = [0; WITNESSES];
        (self.mode, self.next) = (Mode::Learn(plan, LEARNT, owed), now + 1);
    }

    /// Begins to check from the frame after `now` on, if two plans are known that have no slot of a witness in common.
    #[must_use]
    pub fn begin(&mut self, now: u64) -> bool {
        let [first, second] = self.plans;
        let apart = first
            .iter()
            .zip(second)
            .all(|(one, other)| one & other == 0 && *one != 0 && other != 0);
        if apart {
            (self.mode, self.next) = (Mode::Check(None), now + 1);
            self.report = Report::default();
        }
        apart
    }

    /// How it went until now.
    #[must_use]
    pub fn report(&self) -> Report {
        let packed = |slots: [u16; WITNESSES]| u64::from_le_bytes(bytes(slots));
        Report { plans: self.plans.map(packed), ..self.report }
    }

    /// Looks at all frames up to `last`, in which `seen` tells the slots that a witness saw; whom to tell that a plan is learnt.
    pub fn look(&mut self, last: u64, seen: impl Fn(usize, u64) -> u16) -> Option<Owed> {
        while self.next <= last {
            let frame = self.next;
            self.next += 1;
            let saw: [u16; WITNESSES] = core::array::from_fn(|witness| seen(witness, frame));
            match self.mode {
                Mode::Rest => {}
                Mode::Learn(plan, left, owed) => {
                    self.plans[plan].iter_mut().zip(saw).for_each(|(slots, saw)| *slots |= saw);
                    self.mode = Mode::Learn(plan, left - 1, owed);
                    if left == 1 {
                        self.mode = Mode::Rest;
                        return Some(owed);
                    }
                }
                Mode::Check(before) => self.mode = Mode::Check(self.check(frame, saw, before)),
            }
        }
        None
    }

    /// Checks one frame; the plan seen in it, or the one before where nobody saw any.
    fn check(&mut self, frame: u64, saw: [u16; WITNESSES], before: Option<usize>) -> Option<usize> {
        self.report.frames += 1;
        self.report.silent += u64::from(saw.contains(&0));
        let fits =
            |plan: &usize| saw.iter().zip(self.plans[*plan]).all(|(saw, slots)| saw & !slots == 0);
        if saw == [0; WITNESSES] {
            return before;
        }
        let Some(now) = [0, 1].into_iter().find(fits) else {
            if self.report.mixed == 0 {
                (self.report.first, self.report.saw) = (frame, u64::from_le_bytes(bytes(saw)));
            }
            self.report.mixed += 1;
            return before;
        };
        self.report.changes += u64::from(before.is_some_and(|before| before != now));
        Some(now)
    }
}

fn bytes(slots: [u16; WITNESSES]) -> [u8; 8] {
    let mut bytes = [0; 8];
    let pairs = bytes.as_chunks_mut::<2>().0;
    pairs.iter_mut().zip(slots).for_each(|(pair, slots)| *pair = slots.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [u16; WITNESSES] = [0b0001, 0b0001, 0b0010, 0b0001];
    const SECOND: [u16; WITNESSES] = [0b0100, 0b1000, 0b1000, 0b0100];

    /// A check that knows both plans and looks at these frames.
    fn checked(frames: &[[u16; WITNESSES]]) -> Report {
        let mut check = Check { plans: [FIRST, SECOND], ..Check::default() };
        assert!(check.begin(9));
        check.look(9 + frames.len() as u64, |witness, frame| frames[frame as usize - 10][witness]);
        check.report()
    }

    #[test]
    fn plans_that_follow_each_other_are_no_mixture() {
        let mut late = SECOND;
        (late[0], late[2]) = (0, 0);
        let report = checked(&[FIRST, FIRST, late, SECOND, [0; 4], FIRST, SECOND]);
        assert_eq!((report.frames, report.changes, report.mixed, report.silent), (7, 3, 0, 2));
    }

    #[test]
    fn a_processor_that_changes_by_itself_is_found() {
        let mut alone = FIRST;
        alone[3] = SECOND[3];
        let report = checked(&[FIRST, alone, SECOND]);
        assert_eq!((report.mixed, report.first), (1, 11));
        assert_eq!(report.saw.to_le_bytes(), [1, 0, 1, 0, 2, 0, 4, 0]);
    }

    #[test]
    fn a_frame_of_two_plans_on_one_processor_is_found() {
        let mut both = SECOND;
        both[1] |= FIRST[1];
        assert_eq!(checked(&[FIRST, both]).mixed, 1);
        let mut neither = FIRST;
        neither[0] |= 1 << 9;
        assert_eq!(checked(&[neither]).mixed, 1);
    }

    #[test]
    fn plans_that_cannot_be_told_apart_are_not_checked() {
        let mut check = Check { plans: [FIRST, FIRST], ..Check::default() };
        assert!(!check.begin(0) && !Check::default().begin(0));
    }
}
