//! Operations on interrupt lines and on the kernel itself.

use super::{Request, audit};
use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::{Capability, write};
use crate::context::Context;
use crate::interrupt as lines;
use crate::machine::Machine;
use abi::control::{InterruptOperation, KernelOperation};
use abi::rights::ANY_LINE;

pub fn interrupt<M: Machine>(request: &Request<'_, M>, operation: InterruptOperation) -> Answer {
    let line = request.capability.parameter;
    if line == ANY_LINE {
        return Err(Refusal::argument(1));
    }
    match operation {
        InterruptOperation::Bind => {
            let doorbell = request.doorbell(request.arguments[0])?;
            let processor = request.machine.object::<Context>(doorbell.frame).processor();
            lines::bind(request.machine, line, doorbell, processor)
        }
        InterruptOperation::Unbind => lines::unbind(request.machine, line),
        InterruptOperation::State => lines::state(request.machine, line),
    }
}

#[inline(never)]
pub fn kernel<M: Machine>(request: &Request<'_, M>, operation: KernelOperation) -> Answer {
    let argument = request.arguments[0];
    match operation {
        KernelOperation::Audit => audit::audit(request.machine, argument),
        KernelOperation::CrashRecord => crash_record(request.machine, argument),
        KernelOperation::Watch => watch(request),
        KernelOperation::Reset => {
            request.machine.reset();
            Ok(NOTHING)
        }
        KernelOperation::Fact => {
            Ok([request.machine.fact(argument).ok_or(Refusal::argument(3))?, 0, 0, 0])
        }
    }
}

/// Sets how often processors look at each other, and who is told of one that failed.
fn watch<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [every, first, second, _] = request.arguments;
    let bell =
        |slot| if slot == 0 { Ok([0, 0]) } else { request.doorbell(slot).map(Capability::pack) };
    let words = [bell(first)?, bell(second)?];
    let kernel = request.machine.kernel();
    kernel.bells.iter().zip(words).for_each(|(bell, words)| write(bell, words));
    kernel.watch.set(every);
    // Those that halt have to learn that they look from now on.
    request.machine.ids().for_each(|id| super::processor::tell(request, id));
    Ok(NOTHING)
}

/// A word of the crash record. Word 0 can always be asked for: its length says whether there is one.
fn crash_record<M: Machine>(machine: &M, index: u64) -> Answer {
    let (word, length) = machine.crash_record(index);
    if index != 0 && index >= length.div_ceil(8) {
        Err(Refusal::argument(3))
    } else {
        Ok([word, length, 0, 0])
    }
}
