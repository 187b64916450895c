//! What the cases work with: own capabilities, and the others.

use crate::outcome::{Trouble, Verdict, done};
use abi::call::{Call, Error};
use abi::control::{PartitionOperation, SLOTS_PER_PAGE};
use abi::rights::{Kind, Rights};
use abi::types::{Nanoseconds, Slot};
use assist::{Assistance, Supervision};
use rt::Client;
use rt::System;
use rt::capability::object;
use rt::protocol::Resources;
use rt::sys::{self, Outcome};

/// Ports of the exit device, as the manifest grants them.
const EXIT_PORTS: u64 = 4;

/// Everything a case may use.
pub struct World<'s> {
    /// The runtime's view.
    pub system: &'s mut System,
    /// Slot of its own partition.
    pub partition: u64,
    /// Slot of its own context.
    pub context: u64,
    /// Slot of the exit device's ports.
    pub exit: u64,
    /// First of these ports.
    pub exit_port: u64,
    /// How many there are.
    pub exit_count: u64,
    /// Slot of the debug port.
    pub debug: u64,
    /// Slot of the authority over memory.
    pub memory: u64,
    /// Slot of the kernel.
    pub kernel: u64,
    /// Slot of a processor.
    pub processor: u64,
    /// Slot of an interrupt line.
    pub line: u64,
    /// That line.
    pub line_number: u64,
    /// Pages of all channels that it is joined to, and of the information pages.
    pub shared_pages: u64,
    /// To the resource manager.
    pub manager: Client<Resources>,
    /// To assist.
    pub assist: Client<Assistance>,
    /// To supervisor.
    pub supervisor: Client<Supervision>,
}

fn number(slot: Slot) -> u64 {
    slot.raw().into()
}

impl<'s> World<'s> {
    /// What the information pages say; `None` where something that the cases need is missing.
    pub fn find(system: &'s mut System) -> Option<Self> {
        let (exit, first) = system.ports("exit")?;
        let partition = system.capability::<object::Partition>("self-partition")?;
        let context = system.capability::<object::Context>("self-context")?;
        let line = system.capability::<object::Interrupt>("line")?;
        let inspected =
            sys::raw(Call::Inspect as u64, [number(line.slot()), 0, 0, 0, 0, 0]).ok()?;
        Some(Self {
            memory: number(system.capability::<object::Memory>("memory")?.slot()),
            kernel: number(system.capability::<object::Kernel>("kernel")?.slot()),
            processor: number(system.capability::<object::Processor>("processor")?.slot()),
            line: number(line.slot()),
            line_number: inspected[3],
            partition: number(partition.slot()),
            context: number(context.slot()),
            exit: number(exit.slot()),
            exit_port: first.into(),
            exit_count: EXIT_PORTS,
            debug: number(system.debug()?.slot()),
            shared_pages: shared_pages()?,
            manager: system.client("resource")?,
            assist: system.client("assist")?,
            supervisor: system.client("supervisor")?,
            system,
        })
    }

    /// Nanoseconds since the kernel started.
    pub fn now(&self) -> u64 {
        rt::time::now().raw()
    }

    /// Sleeps without looking at events.
    pub fn sleep(&self, milliseconds: u64) {
        self.sleep_until(self.now() + milliseconds * 1_000_000);
    }

    /// Sleeps until then without looking at events.
    pub fn sleep_until(&self, deadline: u64) {
        // Nothing is waited for, so it always ends by its deadline.
        let _ = sys::wait(0, Nanoseconds::new(deadline));
    }

    /// Tries every few milliseconds until there is a result.
    pub fn until<T>(
        &mut self,
        milliseconds: u64,
        mut attempt: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Trouble> {
        let end = self.now() + milliseconds * 1_000_000;
        loop {
            if let Some(result) = attempt(self) {
                return Ok(result);
            }
            if self.now() > end {
                return Err(Trouble::new(format_args!("not within {milliseconds} ms")));
            }
            self.sleep(2);
        }
    }

    /// An operation on the object in a slot.
    pub fn control(&self, slot: u64, operation: u64, arguments: [u64; 4]) -> Outcome {
        let [a, b, c, d] = arguments;
        sys::raw(Call::Control as u64, [slot, operation, a, b, c, d])
    }

    /// An empty slot of its own table: the last ones are nobody's.
    pub fn spare(&self) -> Result<u64, Trouble> {
        let state = self.control(self.partition, PartitionOperation::State as u64, [0; 4]);
        let end = done("State", state)?[3] * u64::from(SLOTS_PER_PAGE);
        let empty = |slot: &u64| {
            let found = sys::raw(Call::Inspect as u64, [*slot, 0, 0, 0, 0, 0]);
            found.is_err_and(|failure| failure.error == Error::NoCapability)
        };
        let spare = (1..end).rev().find(empty);
        spare.ok_or(Trouble::new(format_args!("no slot is empty")))
    }

    /// Puts what is derived from `source` into a spare slot; `what` is kind and parameter.
    pub fn try_put(&self, source: u64, rights: Rights, what: u64) -> Result<u64, Trouble> {
        let slot = self.spare()?;
        let arguments = [slot, source, rights.bits().into(), what];
        done("Put", self.control(self.partition, PartitionOperation::Put as u64, arguments))?;
        Ok(slot)
    }

    /// As [`World::try_put`], where it must work.
    pub fn put(&self, source: u64, rights: Rights, what: u64) -> Result<u64, Trouble> {
        self.try_put(source, rights, what)
    }

    /// Empties a slot.
    pub fn clear(&self, slot: u64) -> Verdict {
        let arguments = [slot, 0, 0, 0];
        done("Clear", self.control(self.partition, PartitionOperation::Clear as u64, arguments))?;
        Ok(())
    }

    /// A doorbell of its own context in a spare slot.
    pub fn own_doorbell(&self, bit: u8, rights: Rights) -> Result<u64, Trouble> {
        self.put(self.context, rights, (Kind::Doorbell as u64) << 32 | u64::from(bit))
    }

    /// Slots that no call for doorbells, interrupts, ports or the debug port may accept, and what it must say.
    pub fn wrong_slots(&self) -> [(&'static str, u64, Error); 8] {
        let spare = self.spare().unwrap_or(0);
        [
            ("slot 0", 0, Error::NoCapability),
            ("an empty slot", spare, Error::NoCapability),
            ("beyond the table", 0x7fff, Error::NoCapability),
            ("the last slot", 0xffff, Error::NoCapability),
            ("no slot", 0x1_0001, Error::NoCapability),
            ("far from a slot", u64::MAX, Error::NoCapability),
            ("its partition", self.partition, Error::WrongKind),
            ("its context", self.context, Error::WrongKind),
        ]
    }
}

/// Pages of the channels and of the information pages, which others own.
fn shared_pages() -> Option<u64> {
    let pages = rt::information::Pages::find()?;
    let channels = pages
        .resources()
        .filter(|one| rt::information::is_kind(one, abi::information::ResourceKind::Channel));
    let pages: u64 = channels.map(|channel| channel.length / abi::types::PAGE_SIZE).sum();
    Some(pages + abi::layout::INFORMATION_PAGES)
}
