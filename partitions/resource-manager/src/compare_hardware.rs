//! Plans, devices and interrupt lines: what the kernel has, what the books say, what follows from partitions' rows and manifest.

use crate::compare::Findings;
use crate::manager::{Machine, Manager};
use crate::owned::granted;
use crate::plans::{members, processor_slot};
use crate::run::INTERRUPT;
use abi::control::{InterruptOperation, PLAN_PLACES, ProcessorOperation, first_slot};
use abi::message::database::Difference;
use abi::message::transaction::DeviceKind;
use abi::rights::{Kind, Rights};
use abi::types::{PartitionId, ProcessorId};
use program_loader::{Calls, Window};
use resource_db::{DeviceRow, Owner, PartitionRow, ProcessorRow};

/// The frame in the second word of a capability.
const FRAME: u64 = 0xffff_ffff;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The plan of a processor. One that the kernel was not told yet, or has not taken over, is as far as it is.
    pub fn compare_plan(&mut self, processor: ProcessorId) -> Findings {
        let mut found = Findings::of(processor.raw().into());
        let Some(row) = self.books.processor(processor).copied() else {
            found.add(Difference::NoProcessor, 0, [0; 2]);
            return found;
        };
        let mut planned = ProcessorRow::online();
        let _ = self.planned(processor, &mut planned);
        let places = planned.plan().len().max(row.plan().len());
        for (place, (books, rows)) in (0..).zip(row.places.iter().zip(&planned.places)).take(places)
        {
            found.equal(Difference::Planned, place, [(*rows).into(), (*books).into()]);
        }
        let told = members(self.stale_plans).all(|stale| stale != processor);
        let [.., pending] = self.place(processor, 0);
        if told && pending == 0 && !row.has_failed() {
            // The first place behind the last is nobody's.
            for (place, slot) in (0..).zip(row.places).take((places + 1).min(PLAN_PLACES)) {
                let [context, ..] = self.place(processor, place);
                let expected =
                    if slot == 0 { 0 } else { self.look(first_slot::PARTITION, slot)[1] };
                found.equal(Difference::Runs, place, [expected & FRAME, context]);
            }
        }
        found
    }

    /// What the kernel says of a place of a running plan.
    fn place(&mut self, processor: ProcessorId, place: u32) -> [u64; 4] {
        let operation = ProcessorOperation::Place as u64;
        let arguments = [place.into(), 0, 0, 0];
        let answer = self.machine.patient(processor_slot(processor), operation, arguments);
        answer.unwrap_or([u64::MAX, 0, 0, 0])
    }

    /// The hardware of a partition of the manifest: its rows, whose they are, and whether its lines ring.
    pub fn compare_devices(&mut self, found: &mut Findings, id: PartitionId, row: &PartitionRow) {
        for (device, grant) in granted(&self.manifest, row.hardware) {
            let there = self.books.device(device).copied().unwrap_or_default();
            let expected = self.device(grant);
            let same = |row: &DeviceRow| (row.stage, row.kind, row.first, row.count);
            if same(&there) != same(&expected) {
                found.add(Difference::OtherDevice, device, [expected.first, there.first]);
            }
            let owner = match self.books.device_owner(&there) {
                Owner::Partition(owner) => owner.raw(),
                _ => u32::MAX,
            };
            found.equal(Difference::DeviceOwner, device, [id.raw().into(), owner.into()]);
            if there.kind == u32::from(DeviceKind::Interrupt.code()) {
                let bound = self.is_bound(u32::try_from(there.first).unwrap_or(u32::MAX));
                let expected = u64::from(there.bound != 0);
                found.equal(Difference::Line, device, [expected, u64::from(bound)]);
            }
        }
    }

    /// Whether the kernel rings somebody for an interrupt line.
    fn is_bound(&mut self, line: u32) -> bool {
        let (own, source) = (first_slot::PARTITION, first_slot::INTERRUPT);
        let put = self.machine.put(own, INTERRUPT, source, Rights::all(), Kind::Interrupt, line);
        let state = InterruptOperation::State as u64;
        let answer = put.and_then(|_| self.machine.patient(INTERRUPT, state, [0; 4]));
        answer.is_ok_and(|[bound, ..]| bound != 0)
    }
}
