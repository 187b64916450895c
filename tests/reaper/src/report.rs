//! What the reaper says at the end, on the debug port: a line for each death, and how it went.

use crate::campaign::Campaign;
use crate::victim::{Death, Victim, pause};
use abi::message::resource::AuditRecord;
use core::fmt;
use load::manager::Trouble;
use rt::{CallError, log};

/// How long everybody has to fall silent before.
const SILENCE: u64 = 50_000_000;

/// One who died and came back.
pub struct Returned {
    round: u32,
    victim: Victim,
    waited: bool,
    instruction: u64,
    /// Nanoseconds until it served again; 0: it died again before; all ones: it did not serve in time.
    took: u64,
    /// Longest silence of a witness meanwhile, nanoseconds.
    pub gap: u64,
}

impl Returned {
    /// One who died, and after how long it served.
    pub fn new(round: u32, death: &Death, took: u64) -> Self {
        let Death { victim, waited, instruction, .. } = *death;
        Self { round, victim, waited, instruction, took, gap: 0 }
    }
}

/// Why it is over.
pub enum Failure {
    /// One does not serve again.
    Dead(Victim),
    /// A witness missed a beat, by so many nanoseconds.
    Gap(u64),
    /// What a maker found: a `journal::Wrong`, and what it is about.
    Journal(u32, u32),
    /// Kernel and books differ, or the kernel found something broken.
    Audit(AuditRecord),
    /// Not as many frames are free as before.
    Frames,
    /// The resource manager refused something.
    Manager(Trouble),
    /// A maker or witness did not answer.
    Channel(CallError),
    /// An answer that is none.
    Nonsense,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead(victim) => write!(f, "{} does not serve again", victim.name()),
            Self::Gap(gap) => write!(f, "a witness was silent for {gap} ns"),
            Self::Journal(wrong, about) => {
                write!(f, "a maker's journal: wrong {wrong}, {about:#x}")
            }
            Self::Audit(audit) => write!(f, "the audit: {audit:?}"),
            Self::Frames => f.write_str("frames are lost"),
            Self::Manager(trouble) => write!(f, "the resource manager: {trouble:?}"),
            Self::Channel(error) => write!(f, "a maker or witness: {error:?}"),
            Self::Nonsense => f.write_str("an answer that is none"),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Manager(trouble)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Channel(error)
    }
}

/// Says it all.
pub fn tell(campaign: &Campaign, seed: u64, outcome: Result<(), Failure>) {
    pause(SILENCE);
    log!("");
    for victim in Victim::ALL {
        let (state, fault) = (campaign.grip.state(victim), campaign.grip.fault(victim));
        log!("{}: state {state:?}, fault {fault:x?}", victim.name());
    }
    for one in &campaign.returned {
        let how = if one.waited { "waited" } else { "worked" };
        let (name, at) = (one.victim.name(), one.instruction);
        log!("death {} {name} {how} {at:#x} {} {}", one.round, one.took, one.gap);
    }
    let numbers = campaign.tally.acknowledged.iter();
    let made = numbers.chain([&campaign.tally.unanswered, &campaign.tally.effective]);
    rt::print!("made");
    made.for_each(|number| rt::print!(" {number}"));
    log!("");
    log!("free {} {}", campaign.free[0], campaign.free[1]);
    let (rounds, deaths) = (campaign.rounds, campaign.returned.len());
    match outcome {
        Ok(()) => log!("kills done: {seed} {rounds} {deaths} {}", campaign.missed),
        Err(failure) => log!("kills failed: {seed} {rounds} {deaths}: {failure}"),
    }
}
