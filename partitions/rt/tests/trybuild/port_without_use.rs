//! Who may only look at ports cannot write to them.
use rt::capability::{Capability, object, right};

fn write(ports: Capability<object::Ports, right::Inspect>) {
    let _ = ports.write(0x3f8, b'x');
}

fn main() {}
