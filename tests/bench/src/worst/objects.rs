//! Every operation on partitions, contexts, channels, memory, processors, interrupt lines and the kernel.

use super::{PARTITIONS, STAGED, Worst};
use abi::control::{
    Access, ChannelOperation, ContextOperation, InterruptOperation, KernelOperation,
    MemoryOperation, PAGES_PER_STEP, PLAN_PLACES, PartitionOperation, ProcessorOperation,
};
use abi::layout;
use abi::rights::{Kind, Rights};
use abi::types::PAGE_SIZE;
use rt::sys::Failure;

/// An address with no tables but the root above it.
const FAR: u64 = 1 << 46;
/// Pages of one page table.
const TABLE: u64 = 512;
/// Slots of one page of capabilities.
const SLOTS_OF_PAGE: u64 = 256;
/// A bit of a doorbell that nobody waits for.
const DOORBELL: u64 = (Kind::Doorbell as u64) << 32;
const ALL: u64 = Rights::all().bits() as u64;

/// A partition that was made: the slots of it and its context.
#[derive(Clone, Copy)]
pub struct Made {
    pub partition: u64,
    pub context: u64,
}

impl Worst {
    /// Makes a partition with a root table, capability slots and a context.
    pub fn make(&mut self) -> Result<Made, Failure> {
        let made = Made { partition: self.slot(), context: self.slot() };
        self.create(Kind::Partition, made.partition, 0)?;
        let tables = [FAR, 3, self.frames(2)?, 0];
        self.control(made.partition, PartitionOperation::AddTable, tables)?;
        let slots = [0, self.frame()?, 0, 0];
        self.control(made.partition, PartitionOperation::AddSlots, slots)?;
        self.create(Kind::Context, made.context, made.partition)?;
        self.configure(made.context, layout::PROGRAM_BASE, layout::STACK_TOP, 0)?;
        Ok(made)
    }

    /// Makes an object.
    pub fn create(&mut self, kind: Kind, slot: u64, extra: u64) -> Result<(), Failure> {
        let arguments = [kind as u64, self.frame()?, slot, extra];
        self.control(self.memory, MemoryOperation::Create, arguments).map(drop)
    }

    /// Makes a context start somewhere on this processor.
    pub fn configure(
        &mut self,
        context: u64,
        entry: u64,
        stack: u64,
        argument: u64,
    ) -> Result<(), Failure> {
        let arguments = [entry, stack, 0, argument];
        // The last argument is the fourth: processor 0 is where everything happens.
        self.control(context, ContextOperation::Configure, arguments).map(drop)
    }

    /// Makes all partitions; the last one.
    pub fn populate(&mut self) -> Result<Made, Failure> {
        let mut made = self.make()?;
        for _ in 1..PARTITIONS {
            made = self.make()?;
        }
        Ok(made)
    }

    /// Tries every operation; `made` is a partition to try them on.
    pub fn objects(&mut self, made: &Made) -> Result<(), Failure> {
        self.address_space(made)?;
        self.capabilities(made)?;
        self.channel(made)?;
        self.audit()?;
        self.contexts(made)?;
        self.processors(made)?;
        self.lines()?;
        self.destroy(made)
    }

    /// A whole page table of memory: given, mapped, looked at, taken away.
    fn address_space(&mut self, made: &Made) -> Result<(), Failure> {
        let frames = self.frames(TABLE)?;
        self.range(
            self.memory,
            MemoryOperation::Assign,
            [frames, TABLE, self.partition, 0],
            [0, 1, 1],
        )?;
        let transfer = [frames, TABLE, self.partition, made.partition];
        self.range(self.memory, MemoryOperation::Transfer, transfer, [0, 1, 1])?;
        let map = [FAR, frames, TABLE, Access::WRITE.bits()];
        for level in [2, 1] {
            // Refused as long as tables are missing.
            let _ = self.control(made.partition, PartitionOperation::Map, map);
            let table = [FAR, level, self.frame()?, 0];
            self.control(made.partition, PartitionOperation::AddTable, table)?;
        }
        self.map(made, map)?;
        let _ = self.control(made.partition, PartitionOperation::Map, map);
        self.control(made.partition, PartitionOperation::Translate, [FAR, 0, 0, 0])?;
        self.audit()?;
        let first = [FAR, TABLE - 1, 0, 0];
        self.range(made.partition, PartitionOperation::Unmap, first, [0, 1, 4096])?;
        // Refused for the last page.
        let _ = self.control(made.partition, PartitionOperation::RemoveTable, [FAR, 1, 0, 0]);
        let last = [FAR + (TABLE - 1) * PAGE_SIZE, 1, 0, 0];
        self.control(made.partition, PartitionOperation::Unmap, last)?;
        self.patient(made.partition, PartitionOperation::RemoveTable, [FAR, 1, 0, 0])?;
        self.range(self.memory, MemoryOperation::Release, [frames, TABLE, 0, 0], [0, 1, 1])
    }

    /// Maps page after page: addresses and frames go on together.
    fn map(&mut self, made: &Made, mut arguments: [u64; 4]) -> Result<(), Failure> {
        while arguments[2] != 0 {
            let [done, ..] = self.control(made.partition, PartitionOperation::Map, arguments)?;
            arguments[0] += done * PAGE_SIZE;
            arguments[1] += done;
            arguments[2] -= done;
        }
        Ok(())
    }

    /// Fills a page of slots and empties it.
    fn capabilities(&mut self, made: &Made) -> Result<(), Failure> {
        let put = |slot| [slot, made.context, ALL, DOORBELL];
        for slot in 1..SLOTS_OF_PAGE {
            self.control(made.partition, PartitionOperation::Put, put(slot))?;
        }
        self.control(made.partition, PartitionOperation::Look, [1, 0, 0, 0])?;
        self.audit()?;
        let bell = self.slot();
        self.control(self.partition, PartitionOperation::Put, put(bell))?;
        self.control(made.partition, PartitionOperation::SetRescuer, [bell, 0, 0, 0])?;
        for slot in 1..SLOTS_OF_PAGE {
            self.control(made.partition, PartitionOperation::Clear, [slot, 0, 0, 0])?;
        }
        self.patient(made.partition, PartitionOperation::RemoveSlots, [0; 4])?;
        self.control(made.partition, PartitionOperation::Renew, [0; 4])?;
        self.control(made.partition, PartitionOperation::State, [0; 4]).map(drop)
    }

    /// Joins and parts a channel of many pages.
    fn channel(&mut self, made: &Made) -> Result<(), Failure> {
        let (channel, pages) = (self.slot(), 2 * PAGES_PER_STEP);
        self.create(Kind::Channel, channel, 0)?;
        let frames = self.frames(pages)?;
        let assign = [frames, pages, self.partition, 0];
        self.range(self.memory, MemoryOperation::Assign, assign, [0, 1, 1])?;
        let join = [self.partition, made.partition, frames, pages];
        self.range(channel, ChannelOperation::Join, join, [2, 3, 1])?;
        self.control(channel, ChannelOperation::State, [0; 4])?;
        let last = pages * PAGE_SIZE - 8;
        self.control(channel, ChannelOperation::Poke, [last, 1, 0, 0])?;
        self.control(channel, ChannelOperation::Peek, [last, 0, 0, 0])?;
        let _ = self.control(channel, ChannelOperation::Destroy, [0; 4]);
        while self.patient(channel, ChannelOperation::Part, [0; 4])?[0] != 0 {}
        self.patient(channel, ChannelOperation::Destroy, [0; 4])?;
        self.range(self.memory, MemoryOperation::Release, [frames, pages, 0, 0], [0, 1, 1])
    }

    /// Looks at every frame there is.
    fn audit(&mut self) -> Result<(), Failure> {
        let mut next = 0;
        loop {
            [next, ..] = self.patient(self.kernel, KernelOperation::Audit, [next, 0, 0, 0])?;
            if next == 0 {
                return Ok(());
            }
        }
    }

    fn contexts(&mut self, made: &Made) -> Result<(), Failure> {
        for operation in [
            ContextOperation::State,
            ContextOperation::Fault,
            ContextOperation::Register,
            ContextOperation::Start,
            ContextOperation::Stop,
            ContextOperation::Renew,
        ] {
            self.patient(made.context, operation, [0; 4])?;
        }
        Ok(())
    }

    /// Plans of every length, and what can be asked.
    fn processors(&mut self, made: &Made) -> Result<(), Failure> {
        // Two in turn, so that every place is looked up.
        let four = (made.context << 16 | self.context) * 0x0000_0001_0000_0001;
        for index in (4..PLAN_PLACES as u64 / STAGED).step_by(3) {
            let arguments = [index | 2 << 32, four, four, four];
            self.control(self.processor, ProcessorOperation::Stage, arguments)?;
        }
        // The staged plan is looked through, and forgets the context.
        let _ = self.control(made.context, ContextOperation::Destroy, [0; 4]);
        let takers = [0; PLAN_PLACES - 16];
        self.take_over(&takers)?;
        self.take_over(&[])?;
        self.control(self.processor, ProcessorOperation::State, [0; 4])?;
        self.control(self.processor, ProcessorOperation::Trace, [u64::MAX, 0, 0, 0])?;
        self.control(self.processor, ProcessorOperation::SetSlot, [1_000_000, 0, 0, 0]).map(drop)
    }

    fn lines(&mut self) -> Result<(), Failure> {
        let bell = self.slot();
        let put = [bell, self.context, ALL, DOORBELL | 40];
        self.control(self.partition, PartitionOperation::Put, put)?;
        self.control(self.line, InterruptOperation::Bind, [bell, 0, 0, 0])?;
        self.control(self.line, InterruptOperation::State, [0; 4])?;
        self.acknowledge();
        self.control(self.line, InterruptOperation::Unbind, [0; 4])?;
        self.control(self.kernel, KernelOperation::CrashRecord, [0; 4])?;
        self.control(self.kernel, KernelOperation::Fact, [0; 4]).map(drop)
    }

    fn destroy(&mut self, made: &Made) -> Result<(), Failure> {
        let _ = self.control(made.partition, PartitionOperation::Destroy, [0; 4]);
        let _ = self.patient(made.context, ContextOperation::Destroy, [0; 4]);
        self.patient(made.partition, PartitionOperation::RemoveTable, [FAR, 2, 3, 0])?;
        self.patient(made.partition, PartitionOperation::Destroy, [0; 4]).map(drop)
    }
}
