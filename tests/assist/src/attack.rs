//! What an attack is, what must be seen of it, and the judgement.

use core::fmt;
use core::str::FromStr;

use crate::Misdeed;

/// A row of the matrix: what is tried, and what must come of it.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// What is tried, in words.
    pub name: &'static str,
    /// What the attacker does.
    pub deed: Deed,
    /// How often, each time with the next number as its parameter.
    pub times: u32,
    /// What must be seen.
    pub expected: Expected,
}

/// Attacks against one promise.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// What is attacked.
    pub name: &'static str,
    /// The promise.
    pub claim: &'static str,
    /// The attacks.
    pub attacks: &'static [Attack],
}

/// What the attacker does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    /// A misdeed of the suite.
    Misdeed(Misdeed),
    /// Touches memory that is not its own to touch.
    Touch(Touch, Place),
    /// The instructions that are listed under the attack's name.
    Instructions,
    /// `int n`, `n` being the parameter.
    Interrupt,
    /// An access to this port: the parameter says how, see [`crate::PORT_ACCESSES`].
    Port(u16),
    /// An access to a port of every KiB of ports: the parameter says which, and how.
    Ports,
    /// Calls that must be refused, by the attack's name.
    Calls,
    /// As [`Deed::Calls`], while another context of the same partition does the same on another processor.
    Race,
    /// Keeps a doorbell to a partition that is then restarted, and rings it.
    Stale,
}

/// A way to touch memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// Reads a byte.
    Read,
    /// Writes a byte.
    Write,
    /// Calls it.
    Run,
}

/// Where it touches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At this address.
    At(u64),
    /// Where the kernel sees a frame of this use, which the suite looks up in the ledger.
    Frame(abi::control::FrameUse),
    /// Where the kernel sees memory of another partition.
    Other,
}

/// What must be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// The attacker stops for one of these reasons; with that code, if one is given; at the address it touched, for
    /// attacks that touch one. Where [`NOTHING`] is among the reasons it may go on as well.
    Stops(&'static [u64], Code),
    /// Nothing comes of it.
    Survives,
    /// Every call is refused, and there were at least so many.
    Refused(u64),
    /// The attacker goes on for ever, and nobody minds.
    Silent,
}

/// What is known of a fault's error code beforehand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// Nothing.
    Any,
    /// All of it.
    Is(u64),
    /// These bits of it, under a mask.
    Bits(u64, u64),
    /// That it names the vector that the parameter says: `vector << 3 | 2`.
    Vector,
}

/// What became of the attacker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It stopped: reason, code, address of the fault record.
    Stopped([u64; 3]),
    /// It went on and did what came next.
    Survived,
    /// It made calls: how many, how many were not refused as they should, and the number of the first such.
    Called([u64; 3]),
    /// It does not answer.
    Silent,
}

/// What was seen of an attack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// What became of the attacker the last time.
    pub outcome: Outcome,
    /// The address it touched the last time, 0 for none.
    pub target: u64,
    /// How often it was done.
    pub times: u32,
    /// How many others stopped, or were restarted.
    pub others: u32,
    /// How many witnesses there are, one on each processor.
    pub witnesses: u32,
    /// Beats of the witness that had fewest.
    pub beats: u64,
    /// Longest time between two beats, nanoseconds.
    pub gap: u64,
    /// The time that must not be passed, nanoseconds.
    pub allowed: u64,
}

/// How what was seen differs from what must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deviation {
    /// It was done so often.
    Times(u32),
    /// This became of it.
    Outcome(Outcome),
    /// So many others stopped.
    Others(u32),
    /// A witness has no beats, or there is none.
    NoWitness,
    /// A witness missed a beat: so long, of so long allowed.
    Gap(u64, u64),
}

impl Attack {
    /// Whether the evidence shows what must be seen.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn judge(&self, evidence: &Evidence) -> Result<(), Deviation> {
        let parameter = u64::from(evidence.times.saturating_sub(1));
        if !self.expects(evidence.outcome, evidence.target, parameter) {
            return Err(Deviation::Outcome(evidence.outcome));
        }
        if evidence.times != self.times {
            return Err(Deviation::Times(evidence.times));
        }
        if evidence.others != 0 {
            return Err(Deviation::Others(evidence.others));
        }
        if evidence.witnesses == 0 || evidence.beats == 0 {
            return Err(Deviation::NoWitness);
        }
        if evidence.gap > evidence.allowed {
            return Err(Deviation::Gap(evidence.gap, evidence.allowed));
        }
        Ok(())
    }

    /// Whether this outcome is the right one for the `parameter`-th time.
    #[must_use]
    pub fn expects(&self, outcome: Outcome, target: u64, parameter: u64) -> bool {
        match (self.expected, outcome) {
            (Expected::Stops(reasons, code), Outcome::Stopped([reason, found, address])) => {
                let right_place = match self.deed {
                    Deed::Touch(_, Place::At(place)) if place != target => false,
                    Deed::Touch(..) if reason == PAGE_FAULT => address == target,
                    _ => true,
                };
                reasons.contains(&reason) && code.fits(found, parameter) && right_place
            }
            (Expected::Refused(least), Outcome::Called([made, otherwise, _])) => {
                made >= least && otherwise == 0
            }
            (Expected::Stops(reasons, _), Outcome::Survived) => reasons.contains(&NOTHING),
            (Expected::Survives, Outcome::Survived) | (Expected::Silent, Outcome::Silent) => true,
            _ => false,
        }
    }
}

/// Stands among reasons for none at all.
pub const NOTHING: u64 = u64::MAX;
/// Vector of page faults.
pub const PAGE_FAULT: u64 = 14;

impl Code {
    fn fits(self, found: u64, parameter: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Is(code) => found == code,
            Self::Bits(mask, bits) => found & mask == bits,
            // The one gate that a partition may use has no code.
            Self::Vector => found == parameter << 3 | 2 || (parameter == 3 && found == 0),
        }
    }
}

/// The form in which it is printed and read again: words, each a name, `=` and numbers.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Outcome::Stopped([a, b, c]) => write!(f, "stopped={a},{b},{c}")?,
            Outcome::Survived => f.write_str("survived=")?,
            Outcome::Called([a, b, c]) => write!(f, "called={a},{b},{c}")?,
            Outcome::Silent => f.write_str("silent=")?,
        }
        let Self { target, times, others, witnesses, beats, gap, allowed, .. } = self;
        write!(f, " seen={target},{times},{others} witnesses={witnesses},{beats},{gap},{allowed}")
    }
}

/// A line that is no evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoEvidence;

impl FromStr for Evidence {
    type Err = NoEvidence;

    fn from_str(text: &str) -> Result<Self, NoEvidence> {
        let mut words = text.split(' ').filter_map(|word| word.split_once('='));
        let mut word = || words.next().ok_or(NoEvidence);
        let (what, values) = word()?;
        let outcome = match what {
            "stopped" => Outcome::Stopped(numbers(values)?),
            "survived" => Outcome::Survived,
            "called" => Outcome::Called(numbers(values)?),
            "silent" => Outcome::Silent,
            _ => return Err(NoEvidence),
        };
        let [target, times, others] = numbers(word()?.1)?;
        let [witnesses, beats, gap, allowed] = numbers(word()?.1)?;
        let small = |number: u64| u32::try_from(number).map_err(|_| NoEvidence);
        let (times, others, witnesses) = (small(times)?, small(others)?, small(witnesses)?);
        Ok(Self { outcome, target, times, others, witnesses, beats, gap, allowed })
    }
}

fn numbers<const N: usize>(text: &str) -> Result<[u64; N], NoEvidence> {
    let mut values = [0; N];
    let mut parts = text.split(',');
    for value in &mut values {
        let number = parts.next().and_then(|part| part.parse().ok());
        *value = number.ok_or(NoEvidence)?;
    }
    if parts.next().is_some() { Err(NoEvidence) } else { Ok(values) }
}
