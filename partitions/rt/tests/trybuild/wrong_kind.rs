//! An operation on a partition does not work on a context.
use rt::capability::{Capability, object};
use rt::operation::partition;

fn look(context: Capability<object::Context>) {
    let _ = context.control(partition::State, [0; 4]);
}

fn main() {}
