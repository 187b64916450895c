//! Whom the reaper kills, how, and how it sees that they serve again.
//!
//! A victim's context is stopped wherever it is, for a reason, which the kernel treats as a fault: its rescuer is rung, and nothing that it was
//! about to do happens.

use abi::call::Error;
use abi::control::{ContextOperation, ContextState};
use abi::fault::{Reason, word};
use abi::types::Nanoseconds;
use rt::capability::{Capability, object};
use rt::protocol::{Console, ConsoleRequest, ResourceRequest, Resources};
use rt::{Client, System, sys, time};

/// How often a processor is asked to let go of a context.
const TRIES: u32 = 100_000;
/// Between two looks at one that is to come back.
const LOOK: u64 = 20_000;
/// Longest time for which it is waited that one works, nanoseconds.
const IDLE: u64 = 4_000_000;
/// So close to the time that was wanted is near enough.
const CLOSE: u64 = 2_000;
/// Longest time in which one must serve again, nanoseconds: idle looks four times a second after those that nobody else brings back.
pub const PATIENCE: u64 = 3_000_000_000;

/// Whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Victim {
    /// The resource manager.
    Manager = 0,
    /// The boot partition.
    Boot = 1,
    /// The command partition.
    Command = 2,
    /// io-console.
    Console = 3,
    /// The first context of idle.
    Idle = 4,
}

impl Victim {
    /// All, in the order in which it is looked whether they serve again: the first must, before others can.
    pub const ALL: [Self; 5] =
        [Self::Manager, Self::Boot, Self::Console, Self::Command, Self::Idle];

    /// Its name, as images call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "resource-manager",
            Self::Boot => "boot",
            Self::Command => "command",
            Self::Console => "io-console",
            Self::Idle => "idle",
        }
    }

    const fn capability(self) -> &'static str {
        match self {
            Self::Manager => "victim-resource-manager",
            Self::Boot => "victim-boot",
            Self::Command => "victim-command",
            Self::Console => "victim-console",
            Self::Idle => "victim-idle",
        }
    }
}

/// How one died.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    /// Who.
    pub victim: Victim,
    /// When, nanoseconds.
    pub at: u64,
    /// The instruction that it did not come to.
    pub instruction: u64,
    /// Whether it waited.
    pub waited: bool,
    /// Generation of its context.
    generation: u64,
}

/// The means to kill.
#[derive(Clone, Copy)]
pub struct Grip {
    contexts: [Option<Capability<object::Context>>; Victim::ALL.len()],
    /// The resource manager's channel.
    manager: Client<Resources>,
    console: Client<Console>,
}

impl Grip {
    /// What the manifest gave.
    pub fn new(system: &mut System) -> Self {
        let mut contexts = [None; Victim::ALL.len()];
        for victim in Victim::ALL {
            contexts[victim as usize] = system.capability(victim.capability());
        }
        Self {
            contexts,
            manager: system.client("resource").unwrap_or_default(),
            console: system.client("proof").unwrap_or_default(),
        }
    }

    /// Whether one can be killed: it was not lately started anew without the reaper's knowing, and it is not stopped.
    pub fn lives(&self, victim: Victim) -> bool {
        self.state(victim).is_some_and(is_live)
    }

    /// Waits until one has worked for so many nanoseconds more, in this life or the next; not longer than [`IDLE`].
    pub fn let_work(&self, victim: Victim, length: u64) {
        let end = time::now().raw() + IDLE;
        let mut until = None;
        while time::now().raw() < end {
            let left = match (self.used(victim), until) {
                // Between two lives.
                (None, _) => LOOK,
                (Some(used), None) => {
                    until = Some(used + length);
                    length
                }
                (Some(used), Some(until)) => until.saturating_sub(used),
            };
            if left < CLOSE {
                return;
            }
            pause(left);
        }
    }

    /// Nanoseconds that a victim worked, as long as it lives.
    fn used(&self, victim: Victim) -> Option<u64> {
        let [state, _, used, _] = self.control(victim, ContextOperation::State, [0; 4])?;
        is_live(state).then_some(used)
    }

    /// Reason, code, address, instruction and further word of one's last fault.
    pub fn fault(&self, victim: Victim) -> [u64; 5] {
        [word::REASON, word::CODE, word::ADDRESS, word::INSTRUCTION, word::EXTRA].map(|word| {
            let value = self.control(victim, ContextOperation::Fault, [word, 0, 0, 0]);
            value.map_or(0, |[value, ..]| value)
        })
    }

    /// Number of the state of one's context; `None` in a next life that the reaper does not know yet.
    pub fn state(&self, victim: Victim) -> Option<u64> {
        let [state, ..] = self.control(victim, ContextOperation::State, [0; 4])?;
        Some(state)
    }

    fn control(
        &self,
        victim: Victim,
        operation: ContextOperation,
        arguments: [u64; 4],
    ) -> Option<[u64; 4]> {
        let context = self.contexts[victim as usize]?;
        loop {
            match sys::control(context.slot(), operation as u64, arguments) {
                Err(failure)
                    if failure.error == Error::Again && operation != ContextOperation::Stop => {}
                answer => return answer.ok(),
            }
        }
    }

    /// The generation of a victim's context that the reaper knows.
    fn generation(&self, victim: Victim) -> u64 {
        let slot = self.contexts[victim as usize].map(Capability::slot);
        slot.and_then(|slot| sys::inspect(slot).ok()).map_or(0, |[_, _, generation, _]| generation)
    }

    /// Kills; `None` where it does not live.
    pub fn kill(&self, victim: Victim) -> Option<Death> {
        let generation = self.generation(victim);
        let [state, ..] = self.control(victim, ContextOperation::State, [0; 4])?;
        if !is_live(state) {
            return None;
        }
        let reason = [Reason::Panic as u64, 0, 0, 0];
        let stopped = |_: &u32| self.control(victim, ContextOperation::Stop, reason).is_some();
        (0..TRIES).find(stopped)?;
        let at = time::now().raw();
        // Its rescuer may have been quicker.
        let record = [word::INSTRUCTION, 0, 0, 0];
        let instruction = self.control(victim, ContextOperation::Fault, record);
        let instruction = instruction.map_or(0, |[instruction, ..]| instruction);
        let waited = state == ContextState::Waiting as u64;
        Some(Death { victim, at, instruction, waited, generation })
    }

    /// Waits until the reaper may look at the next life of one that died; whether that came.
    pub fn wait_for_next_life(&self, death: &Death) -> bool {
        let end = death.at + PATIENCE;
        while !self.lives_anew(death) {
            if time::now().raw() > end {
                return false;
            }
            pause(LOOK);
        }
        true
    }

    /// Whether one that died is in its next life: a new generation, but boot, which keeps its own, lives.
    fn lives_anew(&self, death: &Death) -> bool {
        if death.victim == Victim::Boot {
            let state = self.control(death.victim, ContextOperation::State, [0; 4]);
            return state.is_some_and(|[state, ..]| is_live(state));
        }
        let generation = self.generation(death.victim);
        generation != 0 && generation != death.generation
    }

    /// Waits until one that died serves again; when that was, nanoseconds.
    pub fn wait_for_service(&self, system: &mut System, death: &Death) -> Option<u64> {
        let end = Nanoseconds::new(death.at + PATIENCE);
        let served = match death.victim {
            Victim::Manager => self.manager_serves(system, end),
            Victim::Console => self.wait_for_next_life(death) && self.console_serves(system, end),
            Victim::Boot | Victim::Command | Victim::Idle => {
                self.wait_for_next_life(death) && self.waits(death.victim, end)
            }
        };
        served.then(|| time::now().raw())
    }

    /// The resource manager has answered.
    pub fn manager_serves(&self, system: &mut System, end: Nanoseconds) -> bool {
        while time::now() < end {
            let answer = self.manager.call(system, ResourceRequest::Machine, &[], end);
            if answer.is_ok_and(|answer| answer.status().is_ok()) {
                return true;
            }
        }
        false
    }

    /// A text has been written.
    fn console_serves(&self, system: &mut System, end: Nanoseconds) -> bool {
        while time::now() < end {
            let answer = self.console.call(system, ConsoleRequest::Write, b".", end);
            if answer.is_ok_and(|answer| answer.status().is_ok()) {
                return true;
            }
        }
        false
    }

    /// One has come so far as to wait for what there is to do.
    fn waits(&self, victim: Victim, end: Nanoseconds) -> bool {
        while self.state(victim) != Some(ContextState::Waiting as u64) {
            if time::now() > end {
                return false;
            }
            pause(LOOK);
        }
        true
    }
}

fn is_live(state: u64) -> bool {
    [ContextState::Ready as u64, ContextState::Waiting as u64].contains(&state)
}

/// Sleeps so many nanoseconds.
pub fn pause(length: u64) {
    // Nothing is waited for, so it always ends by its deadline.
    let _ = sys::wait(0, time::after(Nanoseconds::new(length)));
}
