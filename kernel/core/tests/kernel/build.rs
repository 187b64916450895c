//! What the resource manager would do: makes partitions and contexts by control calls.

use crate::machine::{Answer, FREE, TestMachine};
use abi::control::{
    ContextOperation, MemoryOperation, PartitionOperation, ProcessorOperation, first_slot,
};
use abi::rights::Kind;

pub const MEMORY: u64 = first_slot::MEMORY.raw() as u64;
pub const FIRST: u64 = first_slot::PARTITION.raw() as u64;
pub const PROCESSOR: u64 = first_slot::PROCESSORS.raw() as u64;
pub const OWN_CONTEXT: u64 = first_slot::CONTEXT.raw() as u64;
pub const TEXT: u64 = 0x40_0000;

/// A partition made by a test: slots of the resource manager, and frames.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub partition: u64,
    pub context: u64,
    pub partition_frame: u64,
    pub context_frame: u64,
    pub root: u64,
    pub slots: u64,
}

impl TestMachine {
    pub fn memory(&self, operation: MemoryOperation, arguments: [u64; 4]) -> Answer {
        self.control(MEMORY, operation as u64, arguments)
    }
    pub fn partition(
        &self,
        slot: u64,
        operation: PartitionOperation,
        arguments: [u64; 4],
    ) -> Answer {
        self.control(slot, operation as u64, arguments)
    }
    /// Gives the first partition another rescuer than the kernel: itself.
    pub fn has_rescuer(&self) {
        self.give_doorbell(FIRST, 250, OWN_CONTEXT, 0);
        self.partition(FIRST, PartitionOperation::SetRescuer, [250, 0, 0, 0]).expect("set");
    }
    pub fn on_context(
        &self,
        slot: u64,
        operation: ContextOperation,
        arguments: [u64; 4],
    ) -> Answer {
        self.patient(slot, operation as u64, arguments)
    }
    pub fn on_processor(
        &self,
        id: u64,
        operation: ProcessorOperation,
        arguments: [u64; 4],
    ) -> Answer {
        self.control(PROCESSOR + id, operation as u64, arguments)
    }

    /// Makes partition `number` with a root table, a page of slots and a configured, stopped context; six frames and two slots each.
    pub fn make(&self, number: u64, processor: u64) -> Made {
        let (slot, frame) = (100 + 4 * number, FREE + 8 * number);
        let made = Made {
            partition: slot,
            context: slot + 1,
            partition_frame: frame,
            context_frame: frame + 1,
            root: frame + 2,
            slots: frame + 3,
        };
        let create = MemoryOperation::Create;
        self.memory(create, [Kind::Partition as u64, frame, slot, 0]).expect("a partition");
        self.memory(create, [Kind::Context as u64, frame + 1, slot + 1, slot]).expect("a context");
        self.partition(slot, PartitionOperation::AddTable, [0, 4, made.root, 0]).expect("a root");
        self.partition(slot, PartitionOperation::AddSlots, [0, made.slots, 0, 0]).expect("slots");
        self.on_context(slot + 1, ContextOperation::Configure, [TEXT, 0, processor, number])
            .expect("configured");
        made
    }

    /// Gives the partition in slot `to` a doorbell to the context in slot `context`.
    pub fn give_doorbell(&self, to: u64, slot: u64, context: u64, bit: u64) {
        let what = (Kind::Doorbell as u64) << 32 | bit;
        self.partition(to, PartitionOperation::Put, [slot, context, 2, what]).expect("a doorbell");
    }

    pub fn start(&self, made: Made) {
        self.on_context(made.context, ContextOperation::Start, [0; 4]).expect("started");
        self.settle();
    }

    /// Stages and commits a plan of a processor: own slots of contexts, 0 for idle.
    pub fn stage(&self, id: u64, places: &[u64]) {
        for (index, chunk) in (0..).zip(places.chunks(4)) {
            let word = chunk.iter().rev().fold(0, |word, slot| word << 16 | slot);
            self.on_processor(id, ProcessorOperation::Stage, [index, word, 0, 0]).expect("staged");
        }
    }

    /// Stages and commits a plan, alone where the mask is 0.
    pub fn plan(&self, id: u64, places: &[u64], mask: u64) {
        self.stage(id, places);
        self.on_processor(id, ProcessorOperation::Commit, [places.len() as u64, mask, 0, 0])
            .expect("committed");
        self.settle();
    }

    /// Undoes [`TestMachine::make`].
    pub fn unmake(&self, made: Made) {
        self.on_context(made.context, ContextOperation::Stop, [0; 4]).expect("stopped");
        self.on_context(made.context, ContextOperation::Destroy, [0; 4])
            .expect("context destroyed");
        for slot in 1..20 {
            self.partition(made.partition, PartitionOperation::Clear, [slot, 0, 0, 0])
                .expect("cleared");
        }
        self.partition(made.partition, PartitionOperation::RemoveSlots, [0; 4])
            .expect("slots removed");
        self.partition(made.partition, PartitionOperation::Destroy, [0; 4])
            .expect("partition destroyed");
        for slot in [made.partition, made.context] {
            self.partition(FIRST, PartitionOperation::Clear, [slot, 0, 0, 0]).expect("cleared");
        }
    }
}
