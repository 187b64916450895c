//! Processors that stop for good: QEMU's door for debuggers can let some of them go on and leave the others out.

use crate::qmp::Client;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the emulator may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What interrupts a machine that runs.
const BREAK: u8 = 3;

/// A register, by the number that debuggers know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Register {
    /// What a system call is named by.
    Rax = 0,
    /// A function's second argument.
    Rsi = 4,
    /// A function's first argument.
    Rdi = 5,
    /// The next instruction.
    Rip = 16,
}

/// The bytes that pairs of digits stand for; none for what QEMU says where it cannot (`E14`).
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

/// The door. While it is open those that were left out stay so.
#[derive(Debug)]
pub struct Door {
    stream: UnixStream,
    processors: usize,
}

impl Door {
    /// Opens it in `folder`; the machine stands still until [`Self::go_on`].
    ///
    /// # Errors
    /// QEMU refuses or does not answer.
    pub fn open(control: &mut Client, folder: &Path) -> Result<Self> {
        let all = control.execute("query-cpus-fast", &json!({}))?;
        let processors = all.as_array().map_or(0, Vec::len);
        let path = folder.join("debugger");
        control.monitor(&format!("gdbserver unix:{},server=on,wait=off", path.display()))?;
        let stream = UnixStream::connect(&path).context("QEMU opens no door for a debugger")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut door = Self { stream, processors };
        let spoken = door.ask("qSupported:multiprocess+;vContSupported+")?;
        ensure!(spoken.contains("multiprocess+"), "QEMU cannot stop single processors: {spoken}");
        Ok(door)
    }

    /// Stops the machine; [`Self::go_on`] lets it go on.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn stop(&mut self) -> Result<()> {
        self.stream.write_all(&[BREAK])?;
        self.answer().map(drop)
    }

    /// Sets a breakpoint for every processor; the next [`Self::met`] tells who came there.
    ///
    /// # Errors
    /// QEMU refuses it.
    pub fn watch(&mut self, address: u64) -> Result<()> {
        let answer = self.ask(&format!("Z1,{address:x},1"))?;
        ensure!(answer == "OK", "QEMU sets no breakpoint: {answer}");
        Ok(())
    }

    /// Takes a breakpoint away.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn leave(&mut self, address: u64) -> Result<()> {
        self.ask(&format!("z1,{address:x},1")).map(drop)
    }

    /// Waits for a processor that comes to a breakpoint; the machine stands still.
    ///
    /// # Errors
    /// None came.
    pub fn met(&mut self) -> Result<u16> {
        let told = self.answer()?;
        // Such as `T05thread:p01.02;`.
        let thread = told.split("thread:p01.").nth(1).and_then(|rest| rest.split(';').next());
        let thread = thread.and_then(|thread| u16::from_str_radix(thread, 16).ok());
        thread.and_then(|thread| thread.checked_sub(1)).context(told)
    }

    /// As [`Self::met`], but for so long alone; the machine stands still afterwards in any case.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn met_within(&mut self, patience: Duration) -> Result<Option<u16>> {
        self.stream.set_read_timeout(Some(patience))?;
        // The sign that what was sent has come; a packet follows it.
        let mut first = [0];
        let told = self.stream.read(&mut first);
        let told = told.is_ok_and(|count| count > 0)
            && (first != *b"+" || self.stream.read(&mut first).is_ok());
        self.stream.set_read_timeout(Some(PATIENCE))?;
        if told { self.met().map(Some) } else { self.stop().map(|()| None) }
    }

    /// Lets one processor of a machine that stands still do one instruction.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn step(&mut self, processor: u16) -> Result<()> {
        self.send(&format!("vCont;s:p1.{:x}", processor + 1))?;
        self.answer().map(drop)
    }

    /// A register of a processor.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn register(&mut self, processor: u16, register: Register) -> Result<u64> {
        self.choose(processor)?;
        let digits = self.ask(&format!("p{:x}", register as u8))?;
        let bytes = bytes(&digits).with_context(|| digits.clone())?;
        let word = bytes.first_chunk().with_context(|| digits)?;
        Ok(u64::from_le_bytes(*word))
    }

    /// Gives a register of a processor another value.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn set_register(&mut self, processor: u16, register: Register, value: u64) -> Result<()> {
        self.choose(processor)?;
        let digits: String = value.to_le_bytes().map(|byte| format!("{byte:02x}")).concat();
        let answer = self.ask(&format!("P{:x}={digits}", register as u8))?;
        ensure!(answer == "OK", "QEMU sets no register: {answer}");
        Ok(())
    }

    /// Memory as a processor sees it; none where nothing is mapped for it.
    ///
    /// # Errors
    /// QEMU does not answer.
    pub fn memory(
        &mut self,
        processor: u16,
        address: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>> {
        self.choose(processor)?;
        Ok(bytes(&self.ask(&format!("m{address:x},{length:x}"))?))
    }

    /// Writes memory as a processor sees it, be it read-only for partitions.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn set_memory(&mut self, processor: u16, address: u64, new: &[u8]) -> Result<()> {
        self.choose(processor)?;
        let digits: String = new.iter().map(|byte| format!("{byte:02x}")).collect();
        let answer = self.ask(&format!("M{address:x},{:x}:{digits}", new.len()))?;
        ensure!(answer == "OK", "QEMU sets no memory: {answer}");
        Ok(())
    }

    fn choose(&mut self, processor: u16) -> Result<()> {
        let answer = self.ask(&format!("Hgp1.{:x}", processor + 1))?;
        ensure!(answer == "OK", "QEMU has no processor {processor}: {answer}");
        Ok(())
    }

    /// Lets all processors go on but for those in `left_out`.
    ///
    /// # Errors
    /// QEMU is gone.
    pub fn go_on(&mut self, left_out: &[u16]) -> Result<()> {
        let others =
            (0..self.processors).filter(|id| !left_out.iter().any(|out| usize::from(*out) == *id));
        let threads: String = others.map(|id| format!(";c:p1.{:x}", id + 1)).collect();
        self.send(&format!("vCont{threads}"))
    }

    /// Says something that is answered at once.
    fn ask(&mut self, packet: &str) -> Result<String> {
        self.send(packet)?;
        self.answer()
    }

    fn send(&mut self, packet: &str) -> Result<()> {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        Ok(write!(self.stream, "${packet}#{sum:02x}")?)
    }

    /// The next packet that comes, acknowledged.
    fn answer(&mut self) -> Result<String> {
        let (mut packet, mut byte) = (Vec::new(), [0]);
        loop {
            self.stream.read_exact(&mut byte).context("QEMU does not answer the debugger")?;
            match byte[0] {
                b'$' => packet.clear(),
                b'#' => break,
                byte => packet.push(byte),
            }
        }
        self.stream.read_exact(&mut [0; 2])?;
        self.stream.write_all(b"+")?;
        Ok(String::from_utf8_lossy(&packet).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes_and_errors_are_none() {
        assert_eq!(bytes("00ff7a"), Some(vec![0, 255, 0x7a]));
        assert_eq!(bytes(""), Some(vec![]));
        for bad in ["E14", "0", "zz", "00f"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
