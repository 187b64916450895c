//! The control operations as functions: ranges are repeated until they are done.

use abi::call::Error;
use abi::control::{Access, FrameUse, MemoryOperation, PAGES_PER_STEP, PartitionOperation};
use abi::rights::{Kind, Rights};
use abi::types::{Frame, Generation, Slot, VirtualAddress};

/// What a call gives back beside its status.
pub type Values = [u64; 4];

/// Why the kernel did nothing, with value 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The kernel's error.
    pub error: Error,
    /// What [`Error`] says value 0 tells.
    pub value: u64,
}

/// The `control` call.
pub trait Kernel {
    /// Does one operation on the object behind `capability`.
    ///
    /// # Errors
    /// What the kernel answers.
    fn control(
        &mut self,
        capability: Slot,
        operation: u64,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal>;

    /// Lets another processor get on, before an operation that said `Again` is repeated.
    fn pause(&mut self) {}
}

/// How often an operation that answers `Again` without getting on is repeated.
const PATIENCE: u32 = 100_000;

/// Operations on memory and partitions, for whoever has [`Kernel`].
pub trait Calls: Kernel {
    /// Repeats an operation while it answers `Again`.
    ///
    /// # Errors
    /// What the kernel answers, `Again` only after very many repetitions.
    fn patient(
        &mut self,
        capability: Slot,
        operation: u64,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        let mut left = PATIENCE;
        loop {
            match self.control(capability, operation, arguments) {
                Err(Refusal { error: Error::Again, .. }) if left > 0 => self.pause(),
                answer => return answer,
            }
            left = left.wrapping_sub(1);
        }
    }

    /// A free frame becomes an object, all rights to it in `slot`.
    ///
    /// # Errors
    /// What the kernel answers.
    fn create(
        &mut self,
        memory: Slot,
        kind: Kind,
        frame: Frame,
        slot: Slot,
        extra: u64,
    ) -> Result<Generation, Refusal> {
        let arguments = [kind_number(kind), frame.raw(), slot.raw().into(), extra];
        let values = self.patient(memory, number_of_memory(MemoryOperation::Create), arguments)?;
        Ok(Generation::new(u32::try_from(first(values)).unwrap_or(0)))
    }

    /// Free frames become memory of the partition in slot `to`, zeroed.
    ///
    /// # Errors
    /// What the kernel answers.
    fn assign(&mut self, memory: Slot, frame: Frame, count: u64, to: Slot) -> Result<(), Refusal> {
        let operation = number_of_memory(MemoryOperation::Assign);
        in_steps(count, |done, step| {
            self.control(memory, operation, [after(frame, done), step, to.raw().into(), 0])
        })
    }

    /// Memory of one partition, mapped nowhere, becomes memory of another.
    ///
    /// # Errors
    /// What the kernel answers.
    fn transfer(
        &mut self,
        memory: Slot,
        frame: Frame,
        count: u64,
        from: Slot,
        to: Slot,
    ) -> Result<(), Refusal> {
        let operation = number_of_memory(MemoryOperation::Transfer);
        let (from, to) = (from.raw().into(), to.raw().into());
        in_steps(count, |done, step| {
            self.control(memory, operation, [after(frame, done), step, from, to])
        })
    }

    /// Memory of partitions, mapped nowhere, becomes free; what is free already stays so.
    ///
    /// # Errors
    /// What the kernel answers.
    fn release(&mut self, memory: Slot, frame: Frame, count: u64) -> Result<(), Refusal> {
        let operation = number_of_memory(MemoryOperation::Release);
        in_steps(count, |done, step| {
            let answer = self.control(memory, operation, [after(frame, done), step, 0, 0]);
            if answer.is_err_and(|refusal| refusal.error == Error::Again) {
                self.pause();
            }
            answer
        })
    }

    /// What a frame is used for, and the frame of its owner.
    ///
    /// # Errors
    /// What the kernel answers.
    fn frame_use(
        &mut self,
        memory: Slot,
        frame: Frame,
    ) -> Result<(Option<FrameUse>, Frame), Refusal> {
        let operation = number_of_memory(MemoryOperation::Query);
        let [kind, owner, ..] = self.patient(memory, operation, [frame.raw(), 0, 0, 0])?;
        Ok((FrameUse::from_number(kind), Frame::new(owner)))
    }

    /// Maps frames into a partition.
    ///
    /// # Errors
    /// What the kernel answers.
    fn map(
        &mut self,
        partition: Slot,
        address: VirtualAddress,
        frame: Frame,
        count: u64,
        access: Access,
    ) -> Result<(), Refusal> {
        let operation = number_of_partition(PartitionOperation::Map);
        in_steps(count, |done, step| {
            let arguments = [page_after(address, done), after(frame, done), step, access.bits()];
            self.control(partition, operation, arguments)
        })
    }

    /// Unmaps pages, mapped or not.
    ///
    /// # Errors
    /// What the kernel answers, but for missing tables: then nothing is mapped there.
    fn unmap(
        &mut self,
        partition: Slot,
        address: VirtualAddress,
        count: u64,
    ) -> Result<(), Refusal> {
        let operation = number_of_partition(PartitionOperation::Unmap);
        in_steps(count, |done, step| {
            match self.control(partition, operation, [page_after(address, done), step, 0, 0]) {
                Err(Refusal { error: Error::NotMapped, .. }) => Ok([1, 0, 0, 0]),
                answer => answer,
            }
        })
    }

    /// Puts a capability derived from the caller's `source` into a slot of a partition.
    ///
    /// # Errors
    /// What the kernel answers.
    fn put(
        &mut self,
        partition: Slot,
        slot: Slot,
        source: Slot,
        rights: Rights,
        kind: Kind,
        parameter: u32,
    ) -> Result<(), Refusal> {
        let derived = kind_number(kind).wrapping_shl(32) | u64::from(parameter);
        let arguments = [slot.raw().into(), source.raw().into(), rights.bits().into(), derived];
        let operation = number_of_partition(PartitionOperation::Put);
        self.patient(partition, operation, arguments).map(|_| ())
    }

    /// An operation on a partition that takes what fits in four words.
    ///
    /// # Errors
    /// What the kernel answers.
    fn partition(
        &mut self,
        partition: Slot,
        operation: PartitionOperation,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        self.patient(partition, number_of_partition(operation), arguments)
    }
}

impl<K: Kernel + ?Sized> Calls for K {}

/// Repeats a bounded operation over `count` pages: it is given what is done and how many to do, and says how many it did.
///
/// # Errors
/// What the kernel answers.
pub fn in_steps(
    count: u64,
    mut operation: impl FnMut(u64, u64) -> Result<Values, Refusal>,
) -> Result<(), Refusal> {
    let (mut done, mut patience) = (0_u64, PATIENCE);
    while done < count {
        let step = count.saturating_sub(done).min(PAGES_PER_STEP);
        let did = match operation(done, step) {
            Ok(values) => first(values),
            Err(Refusal { error: Error::Again, value }) if patience > 0 => {
                patience = patience.wrapping_sub(1);
                value
            }
            Err(refusal) => return Err(refusal),
        };
        done = done.saturating_add(did.min(step));
        if did == 0 {
            patience =
                patience.checked_sub(1).ok_or(Refusal { error: Error::Again, value: done })?;
        }
    }
    Ok(())
}

fn first(values: Values) -> u64 {
    let [value, ..] = values;
    value
}

fn after(frame: Frame, done: u64) -> u64 {
    frame.raw().wrapping_add(done)
}

/// Address of the page `done` pages after `address`.
pub(crate) fn page_after(address: VirtualAddress, done: u64) -> u64 {
    address.raw().wrapping_add(done.wrapping_shl(abi::types::PAGE_SHIFT))
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
const fn kind_number(kind: Kind) -> u64 {
    kind as u64
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
const fn number_of_memory(operation: MemoryOperation) -> u64 {
    operation as u64
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
const fn number_of_partition(operation: PartitionOperation) -> u64 {
    operation as u64
}
