//! The control call: one file for each kind of object. Each operation decodes and checks everything first and
//! changes nothing; what follows cannot fail.

pub(crate) mod slots;

use crate::Next;
use crate::calls::answer;
use crate::context::Context;
use crate::machine::Machine;
use crate::processor::Processor;
use abi::call::Error;

pub(crate) fn dispatch<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let _ = (machine, processor);
    answer(context, Err(Error::NoSuchCall.into()));
    Next::Run(context)
}
