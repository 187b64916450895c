//! Operations on a partition as a whole; its address space is in `mapping`, its capabilities in `slots`.

use super::{Request, mapping, slots};
use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::write;
use crate::machine::Machine;
use crate::partition::Partition;
use crate::processor::Cell;
use abi::call::Error;
use abi::control::PartitionOperation;
use abi::types::Frame;

#[inline(never)]
pub fn perform<M: Machine>(request: &Request<'_, M>, operation: PartitionOperation) -> Answer {
    let [a, b, c, _] = request.arguments;
    match operation {
        PartitionOperation::AddTable => mapping::add_tables(request, a, b, c),
        PartitionOperation::RemoveTable => mapping::remove_tables(request, a, b, c),
        PartitionOperation::Map => mapping::map(request),
        PartitionOperation::Unmap => mapping::unmap(request, a, b),
        PartitionOperation::AddSlots => slots::add(request, a, b),
        PartitionOperation::RemoveSlots => slots::remove(request, a),
        PartitionOperation::Put => slots::put(request),
        PartitionOperation::Clear => slots::clear(request, a),
        PartitionOperation::SetRescuer => set_rescuer(request, a),
        PartitionOperation::Renew => request.renew(request.renewable()?),
        PartitionOperation::State => Ok(state(object(request))),
        PartitionOperation::Destroy => destroy(request),
        PartitionOperation::Translate => mapping::translate(request, a),
        PartitionOperation::Look => slots::look(request, a),
    }
}

/// The partition of the request.
pub fn object<'a, M: Machine>(request: &Request<'a, M>) -> &'a Partition {
    request.machine.object::<Partition>(request.frame())
}

fn set_rescuer<M: Machine>(request: &Request<'_, M>, slot: u64) -> Answer {
    let words = if slot == 0 { [0, 0] } else { request.doorbell(slot)?.pack() };
    write(&object(request).rescuer, words);
    Ok(NOTHING)
}

pub fn state(partition: &Partition) -> [u64; 4] {
    [&partition.frames, &partition.tables, &partition.contexts, &partition.slot_pages]
        .map(Cell::get)
}

fn destroy<M: Machine>(request: &Request<'_, M>) -> Answer {
    let partition = object(request);
    let root = partition.root.get();
    let [frames, tables, contexts, pages] = state(partition);
    let tables = tables.saturating_sub(u64::from(root != 0));
    let held: u64 = [frames, tables, contexts, pages, partition.channels.get()].iter().sum();
    if held != 0 {
        return Err(Refusal::with(Error::InUse, held));
    }
    if root != 0 {
        request.free_frame(Frame::new(root));
    }
    request.free_object()
}
