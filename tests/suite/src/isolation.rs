//! The isolation matrix: has every attack made, and looks what came of it, to the attacker and to everybody else.

use crate::outcome::{Trouble, Verdict, done};
use crate::report::Report;
use crate::world::World;
use abi::control::{FrameUse, MemoryOperation, PLAN_SLOTS, PartitionOperation};
use abi::fault::word;
use abi::image::name_text;
use abi::layout;
use abi::message::resource::{PartitionState, ResourceRequest};
use assist::attack::{Attack, Deed, Evidence, Expected, Outcome, Place};
use assist::{Ask, Beats, Order, Tally, Testimony, Witness, matrix};
use rt::{Client, time};
use zerocopy::{FromBytes, IntoBytes};

/// How long an attack that the attacker survives may take, in milliseconds.
const PATIENCE: u64 = 20_000;
/// How long an attacker that never yields is let be, in milliseconds.
const SPIN: u64 = 50;
/// One witness for each processor, as far as there are both.
const WITNESSES: [&str; 4] = ["witness-0", "witness-1", "witness-2", "witness-3"];
/// Those to whom something may happen.
const ATTACKED: [&str; 3] = ["assist", "racer", "victim"];
/// How often a witness is asked that has not beaten: an emulator's host may have its processor.
const TESTIMONIES: u32 = 50;
/// Frames looked through for those that are attacked.
const FRAMES: u64 = 1 << 17;
/// Uses that a frame can have.
const USES: usize = 16;
/// Bytes of a frame, as a shift.
const FRAME_SHIFT: u64 = 12;

/// The matrix with those who watch.
struct Isolation<'w, 's> {
    world: &'w mut World<'s>,
    witnesses: [Option<Client<Testimony>>; WITNESSES.len()],
    /// Nanoseconds of a frame of the plan.
    frame: u64,
    /// For each use a frame of memory that has it, 0 for none.
    frames: [u64; USES],
}

/// Makes every attack.
// covers: KRN-2, KRN-3, KRN-5, KRN-7
pub fn run(report: &mut Report, world: &mut World<'_>) {
    let mut isolation =
        Isolation { world, witnesses: [None; WITNESSES.len()], frame: 0, frames: [0; USES] };
    report.case("", "the witnesses are up", &isolation.start());
    for (number, area, attack) in matrix::all() {
        let seen = isolation.attack(number, attack);
        if let Ok(evidence) = &seen {
            report.line(format_args!("evidence {number} {evidence}"));
        }
        let judged = seen.and_then(|evidence| {
            attack.judge(&evidence).map_err(|why| Trouble::new(format_args!("{why:?}")))
        });
        report.case(area.name, attack.name, &judged);
    }
}

impl Isolation<'_, '_> {
    fn start(&mut self) -> Verdict {
        self.world.await_supervisor()?;
        let processors = self.world.processors()? as usize;
        for (place, name) in self.witnesses.iter_mut().zip(WITNESSES).take(processors) {
            let id = self.world.id_of(name)?;
            self.world.command(ResourceRequest::Start, id)?;
            *place = self.world.system.client(name);
        }
        self.frame = self.world.slot()? * PLAN_SLOTS as u64;
        // A plan is in force a frame or two after it was asked for; only then may beats be counted.
        self.world.sleep(20);
        self.find_frames();
        self.beats()?;
        self.beats().map(drop)
    }

    /// Makes one attack as often as it says, and gathers what is to be seen.
    fn attack(&mut self, number: u32, attack: &Attack) -> Result<Evidence, Trouble> {
        let before = self.others()?;
        let target = self.target(attack)?;
        let (mut outcome, mut times) = (Outcome::Silent, 0);
        for parameter in 0..attack.times {
            outcome = self.attempt(attack, Order { attack: number, parameter, target })?;
            times = parameter + 1;
            if !attack.expects(outcome, target, parameter.into()) {
                break;
            }
        }
        let others = self.others()?.abs_diff(before);
        let (witnesses, Beats { count: beats, gap, allowed }) = self.beats()?;
        Ok(Evidence { outcome, target, times, others, witnesses, beats, gap, allowed })
    }

    fn attempt(&mut self, attack: &Attack, order: Order) -> Result<Outcome, Trouble> {
        match (attack.deed, attack.expected) {
            (Deed::Race, _) => self.race(order),
            (Deed::Stale, _) => self.stale(order),
            (_, Expected::Stops(..)) => self.fatal(order),
            (_, Expected::Silent) => self.silent(order),
            _ => Ok(self.survived(order)),
        }
    }

    fn fatal(&mut self, order: Order) -> Result<Outcome, Trouble> {
        self.world.poke_when_up()?;
        let stopped = self.world.stopped_by(Ask::Attack, order.as_bytes())?;
        let Some(stopped) = stopped else { return Ok(Outcome::Survived) };
        if !ATTACKED.contains(&name_text(&stopped.name)) {
            return Err(Trouble::new(format_args!("another one stopped")));
        }
        self.reborn()?;
        Ok(Outcome::Stopped(
            [word::REASON, word::CODE, word::ADDRESS].map(|word| stopped.fault[word as usize]),
        ))
    }

    /// It answers for the first time in a new life.
    fn reborn(&mut self) -> Verdict {
        let count = self.world.poke_when_up()?;
        let remembers = format_args!("its memory remembers {count} pokes");
        if count == 1 { Ok(()) } else { Err(Trouble::new(remembers)) }
    }

    fn survived(&mut self, order: Order) -> Outcome {
        let answer = self.world.ask_assist(Ask::Attack, order.as_bytes(), PATIENCE);
        let tally = answer.ok().and_then(|bytes| Tally::read_from_bytes(&bytes).ok());
        match tally {
            None => Outcome::Silent,
            Some(Tally { made: 0, .. }) => Outcome::Survived,
            Some(Tally { made, otherwise, first }) => Outcome::Called([made, otherwise, first]),
        }
    }

    /// Lets it be for a while, then restarts it by hand.
    fn silent(&mut self, order: Order) -> Result<Outcome, Trouble> {
        self.world.poke_when_up()?;
        self.world.send_assist(Ask::Attack, order.as_bytes())?;
        self.world.sleep(SPIN);
        self.world.restart("assist")?;
        self.reborn()?;
        Ok(Outcome::Silent)
    }

    /// The racer makes it in place of assist.
    fn race(&mut self, order: Order) -> Result<Outcome, Trouble> {
        let lost = || Trouble::new(format_args!("there is no racer"));
        let racer = self.world.system.client("racer").ok_or_else(lost)?;
        let assist = core::mem::replace(&mut self.world.assist, racer);
        let outcome = self.survived(order);
        self.world.assist = assist;
        Ok(outcome)
    }

    /// The victim is restarted between the two halves of it.
    fn stale(&mut self, order: Order) -> Result<Outcome, Trouble> {
        let kept = self.survived(Order { target: 0, ..order });
        if !matches!(kept, Outcome::Called([_, 0, _])) {
            return Ok(kept);
        }
        self.world.restart("victim")?;
        self.world.sleep(5);
        Ok(self.survived(Order { target: 1, ..order }))
    }

    /// Restarts of all who must not be touched, and those of them that are down.
    fn others(&mut self) -> Result<u32, Trouble> {
        let mut sum = 0_u32;
        for index in 0..self.world.partitions()? {
            let record = self.world.at_place(index)?;
            let down = [PartitionState::Faulted as u32, PartitionState::Failed as u32];
            if !ATTACKED.contains(&name_text(&record.name)) {
                sum += record.restarts + u32::from(down.contains(&(record.state & 0xff)));
            }
        }
        Ok(sum)
    }

    /// How many witnesses there are, and the worst that they tell.
    fn beats(&mut self) -> Result<(u32, Beats), Trouble> {
        let mut worst = Beats { count: u64::MAX, gap: 0, allowed: u64::MAX };
        let mut witnesses = 0;
        for witness in self.witnesses.into_iter().flatten() {
            let beats = self.testimony(witness)?;
            worst.count = worst.count.min(beats.count);
            worst.gap = worst.gap.max(beats.gap);
            worst.allowed = worst.allowed.min(beats.allowed);
            witnesses += 1;
        }
        Ok((witnesses, worst))
    }

    /// What a witness tells once it has beaten after the attack, however short that was. Who was late tells so then.
    fn testimony(&mut self, witness: Client<Testimony>) -> Result<Beats, Trouble> {
        let mut beats = Beats::default();
        for _ in 0..TESTIMONIES {
            self.world.sleep_until(self.world.now() + 3 * self.frame);
            let deadline = time::after(time::seconds(2));
            let frame = self.frame;
            let asked = Witness::Beats;
            let answer = witness.call(self.world.system, asked, frame.as_bytes(), deadline);
            let told = answer.ok().and_then(|answer| answer.body());
            beats = told.ok_or(Trouble::new(format_args!("a witness does not answer")))?;
            if beats.count > 0 {
                break;
            }
        }
        Ok(beats)
    }

    /// The address that is attacked.
    fn target(&self, attack: &Attack) -> Result<u64, Trouble> {
        let Deed::Touch(_, place) = attack.deed else { return Ok(0) };
        let frame = match place {
            Place::At(address) => return Ok(address),
            Place::Frame(wanted) => self.frame(wanted)?,
            Place::Other => self.own_frame()?,
        };
        Ok(layout::DIRECT_MAP + (frame << FRAME_SHIFT))
    }

    fn frame(&self, wanted: FrameUse) -> Result<u64, Trouble> {
        let found = self.frames.get(wanted as usize).copied().filter(|frame| *frame != 0);
        found.ok_or(Trouble::new(format_args!("no frame is {wanted:?}")))
    }

    /// Looks through the ledger from the top, where the kernel's are, until one of each use that is attacked is found.
    fn find_frames(&mut self) {
        let wanted = matrix::all().filter_map(|(_, _, attack)| match attack.deed {
            Deed::Touch(_, Place::Frame(wanted)) => Some(wanted as usize),
            _ => None,
        });
        for frame in (1..FRAMES).rev() {
            if wanted.clone().all(|kind| self.frames[kind] != 0) {
                return;
            }
            let operation = MemoryOperation::Query as u64;
            let found = self.world.control(self.world.memory, operation, [frame, 0, 0, 0]);
            let place = found.ok().and_then(|[kind, ..]| self.frames.get_mut(kind as usize));
            if let Some(place) = place {
                *place = frame;
            }
        }
    }

    /// A frame of suite's own: memory of another, to the attacker.
    fn own_frame(&self) -> Result<u64, Trouble> {
        let translate = PartitionOperation::Translate as u64;
        let arguments = [layout::PROGRAM_BASE, 0, 0, 0];
        let found = self.world.control(self.world.partition, translate, arguments);
        Ok(done("Translate", found)?[0])
    }
}
