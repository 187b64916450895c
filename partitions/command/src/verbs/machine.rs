//! `machine`, `uptime`, `shutdown`, `reboot`.

use super::Outcome;
use crate::nodes;
use crate::surroundings::{Surroundings, Trouble, fetch};
use crate::words::{Duration, Pages};
use abi::message::resource::{Index, MachineRecord, ResourceRequest};
use zerocopy::IntoBytes;

/// A request without anything to it.
const NOTHING: [u8; 0] = [];

/// Processors and memory.
pub fn show<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let machine: MachineRecord = fetch(surroundings, ResourceRequest::Machine, &NOTHING)?;
    let used = machine.frames.saturating_sub(machine.free).saturating_sub(machine.kernel);
    writeln!(surroundings, "processors  {:>9} online", machine.processors)?;
    writeln!(surroundings, "partitions  {:>9}", machine.partitions)?;
    writeln!(surroundings, "memory      {:>9} in all", Pages(machine.frames))?;
    writeln!(surroundings, "            {:>9} free", Pages(machine.free))?;
    writeln!(surroundings, "            {:>9} of the kernel", Pages(machine.kernel))?;
    writeln!(surroundings, "            {:>9} of partitions", Pages(used))?;
    nodes::show(surroundings)
}

/// How long the machine runs; to the millisecond while that is less than a minute, for who measures.
pub fn uptime<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let now = surroundings.now();
    let milliseconds = now.raw() / 1_000_000;
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    if seconds < 60 {
        return Ok(writeln!(surroundings, "up {seconds}.{rest:03} s")?);
    }
    Ok(writeln!(surroundings, "up {}", Duration(now))?)
}

/// Switches the machine off (0) or starts it again (1).
pub fn off<'a>(surroundings: &mut impl Surroundings, how: u32) -> Outcome<'a> {
    writeln!(surroundings, "stopping all partitions")?;
    surroundings.flush();
    match surroundings.ask(ResourceRequest::Shutdown, Index { index: how }.as_bytes()) {
        // Whoever stops everybody need not be there to say so.
        Ok(_) | Err(Trouble::NoAnswer) => Ok(()),
        Err(trouble) => Err(trouble.into()),
    }
}
