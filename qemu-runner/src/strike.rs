//! Ends a partition at an instruction of its program from outside: nobody in the machine needs a capability to it, so that its very first
//! steps can be its last.

use crate::processors::Register;
use crate::session::Session;
use anyhow::{Context as _, Result, ensure};
use object::{Object as _, ObjectSection as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// The instruction `syscall`.
const CALL: [u8; 2] = [0x0f, 0x05];
/// Bytes by which a program is told from others that have something else at that address.
const LIKE: usize = 32;
/// Partitions have the lower half of addresses.
const KERNEL: u64 = 1 << 47;
/// The instruction that stands where the runtime's start never comes back to, in so many bytes from a program's first, and one that jumps to itself.
const NEVER: [u8; 2] = [0x0f, 0x0b];
const BEGINNING: usize = 24;
const LOOP: [u8; 2] = [0xeb, 0xfe];
/// Where nothing is mapped.
const NOWHERE: u64 = 0;

/// The instructions of a program, as they lie in its address space.
#[derive(Debug)]
pub struct Program {
    /// Where it starts.
    pub entry: u64,
    start: u64,
    text: Vec<u8>,
}

impl Program {
    /// From its file.
    ///
    /// # Errors
    /// There is none, or it has no text.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let parsed = object::File::parse(&*bytes)?;
        let text = parsed.section_by_name(".text").context("a program without text")?;
        Ok(Self { entry: parsed.entry(), start: text.address(), text: text.data()?.to_vec() })
    }

    /// Where it may enter the kernel, and where bytes look so: nobody comes to those.
    #[must_use]
    pub fn calls(&self) -> Vec<u64> {
        let all = (self.start..).zip(self.text.windows(CALL.len()));
        all.filter(|(_, bytes)| *bytes == CALL).map(|(address, _)| address).collect()
    }

    /// What it has at an address.
    fn at(&self, address: u64) -> Option<&[u8]> {
        let from = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let all = self.text.get(from..)?;
        Some(all.get(..LIKE).unwrap_or(all))
    }
}

/// A processor that has come to an instruction of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// Which.
    pub processor: u16,
    /// The instruction that it comes to next.
    pub at: u64,
}

/// A machine of which one program is watched: it stands still but in [`Hunt::meet`].
#[derive(Debug)]
pub struct Hunt<'s> {
    /// The machine; only its input is of use meanwhile.
    pub session: &'s mut Session,
    program: &'s Program,
    places: Vec<u64>,
    /// Where the processor is that was met last: it must leave before others are waited for.
    last: Option<u16>,
}

impl<'s> Hunt<'s> {
    /// Watches for whoever comes to one of these places in a program.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn begin(session: &'s mut Session, program: &'s Program, places: Vec<u64>) -> Result<Self> {
        session.stand_still()?;
        let mut hunt = Self { session, program, places: Vec::new(), last: None };
        hunt.watch(places)?;
        Ok(hunt)
    }

    /// Watches for whoever comes to one of these places as well.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn watch(&mut self, places: Vec<u64>) -> Result<()> {
        for &place in &places {
            self.session.door()?.watch(place)?;
        }
        self.places.extend(places);
        Ok(())
    }

    /// Lets the machine go on until a processor comes to one of the places, in this very program.
    ///
    /// # Errors
    /// None comes.
    pub fn meet(&mut self) -> Result<Met> {
        loop {
            self.go_on()?;
            let processor = self.session.door()?.met()?;
            if let Some(met) = self.is_there(processor)? {
                return Ok(met);
            }
        }
    }

    /// As [`Self::meet`], but for so long alone: others may come to those places all the time, or nobody.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn meet_within(&mut self, patience: Duration) -> Result<Option<Met>> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            self.go_on()?;
            let Some(processor) = self.session.door()?.met_within(patience)? else { break };
            if let Some(met) = self.is_there(processor)? {
                return Ok(Some(met));
            }
        }
        Ok(None)
    }

    /// Lets the machine go on, first of all the processor that was met last.
    fn go_on(&mut self) -> Result<()> {
        let last = self.last.take();
        let door = self.session.door()?;
        if let Some(processor) = last {
            door.step(processor)?;
        }
        door.go_on(&[])
    }

    /// Whether it is the program that is watched to which a processor has come.
    fn is_there(&mut self, processor: u16) -> Result<Option<Met>> {
        self.last = Some(processor);
        let door = self.session.door()?;
        let at = door.register(processor, Register::Rip)?;
        let Some(wanted) = self.program.at(at) else { return Ok(None) };
        let there = door.memory(processor, at, wanted.len())?.as_deref() == Some(wanted);
        Ok(there.then_some(Met { processor, at }))
    }

    /// Has it do the call before which it was met, and so many instructions more, as far as it makes no other call; where it is then.
    ///
    /// # Errors
    /// It does not come back from the call.
    pub fn behind(&mut self, met: Met, count: u32) -> Result<Met> {
        let after = met.at + CALL.len() as u64;
        self.session.door()?.watch(after)?;
        let mut met = self.meet()?;
        while met.at != after {
            met = self.meet()?;
        }
        self.session.door()?.leave(after)?;
        for _ in 0..count {
            if self.program.at(met.at).is_none_or(|bytes| bytes.starts_with(&CALL)) {
                break;
            }
            let door = self.session.door()?;
            door.step(met.processor)?;
            met.at = door.register(met.processor, Register::Rip)?;
            ensure!(met.at < KERNEL, "it entered the kernel without a call");
        }
        Ok(met)
    }

    /// A register of the processor that was met.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn register(&mut self, met: Met, register: Register) -> Result<u64> {
        self.session.door()?.register(met.processor, register)
    }

    /// Sends it where there is nothing: it faults as soon as the machine goes on.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn strike(&mut self, met: Met) -> Result<()> {
        self.last = None;
        self.session.door()?.set_register(met.processor, Register::Rip, NOWHERE)
    }

    /// Lets it loop for ever, in a place to which the program itself never comes.
    ///
    /// # Errors
    /// QEMU refuses, or the program does not begin as those of the runtime do.
    pub fn stall(&mut self, met: Met) -> Result<()> {
        self.last = None;
        let from = usize::try_from(self.program.entry - self.program.start)?;
        let start = self.program.text.get(from..from + BEGINNING).context("a short program")?;
        let place = start.windows(NEVER.len()).position(|bytes| bytes == NEVER);
        let place = self.program.entry + place.context("another beginning")? as u64;
        let door = self.session.door()?;
        door.set_memory(met.processor, place, &LOOP)?;
        door.set_register(met.processor, Register::Rip, place)
    }

    /// Watches no more and lets the machine go on.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn end(self) -> Result<()> {
        self.watch_no_more()?.door()?.go_on(&[])
    }

    /// Watches no more and lets the machine go on without the processor that was met, which stops for good.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn fail(self, met: Met) -> Result<()> {
        self.watch_no_more()?.leave_out(met.processor)
    }

    fn watch_no_more(self) -> Result<&'s mut Session> {
        let door = self.session.door()?;
        for place in self.places {
            door.leave(place)?;
        }
        Ok(self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_wherever_they_are() {
        let text = vec![0x0f, 0x05, 0x90, 0x0f, 0x0f, 0x05];
        let program = Program { entry: 0x1000, start: 0x1000, text };
        assert_eq!(program.calls(), [0x1000, 0x1004]);
        assert_eq!(program.at(0x1004), Some(&CALL[..]));
        assert_eq!((program.at(0xfff), program.at(0x1007)), (None, None));
    }

    #[test]
    fn a_program_has_text_and_an_entry_in_it() {
        let own = Program::read(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.at(own.entry).is_some());
    }
}
