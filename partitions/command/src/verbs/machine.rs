//! `machine`, `audit`, `uptime`, `shutdown`, `reboot`.

use super::Outcome;
use crate::complaint::Complaint;
use crate::surroundings::{Surroundings, Trouble, fetch};
use crate::words::{Duration, Pages};
use abi::control::Violation;
use abi::message::resource::{AuditRecord, Index, MachineRecord, ResourceRequest};
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
    Ok(writeln!(surroundings, "            {:>9} of partitions", Pages(used))?)
}

/// The kernel's ledger against the books.
pub fn audit<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let audit: AuditRecord = fetch(surroundings, ResourceRequest::Audit, &NOTHING)?;
    writeln!(surroundings, "{} frames looked at", audit.frames)?;
    let (free, books) = (audit.free, audit.books_free);
    if audit.violation != 0 {
        let violation = Violation::from_number(audit.violation).map_or("unknown", explain);
        writeln!(surroundings, "frame {:#x}: {violation}", audit.frame)?;
    }
    if free != books {
        writeln!(surroundings, "the kernel counts {free} free frames, the books {books}")?;
    }
    if audit.violation != 0 || free != books {
        return Err(Complaint::Audit);
    }
    Ok(writeln!(surroundings, "every frame has one owner, {free} are free: the books agree")?)
}

const fn explain(violation: Violation) -> &'static str {
    match violation {
        Violation::None => "nothing wrong",
        Violation::Owner => "its owner is not an object of the right kind",
        Violation::MappedObject => "a kernel object that counts mappings",
        Violation::Count => "its partition's counts differ from the ledger",
        Violation::Mapping => "mapped where its partition may not map it",
        Violation::Capability => "a capability names an object that is not there",
    }
}

/// How long the machine runs.
pub fn uptime<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let now = surroundings.now();
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
