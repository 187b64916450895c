//! Who may only look cannot stop a context.
use rt::capability::{Capability, object, right};
use rt::operation::context;

fn look(subject: Capability<object::Context, right::Inspect>) {
    let _ = subject.control(context::State, [0; 4]);
    let _ = subject.control(context::Stop, [0; 4]);
}

fn main() {}
