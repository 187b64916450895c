//! I/O ports are no doorbell.
use rt::capability::{Capability, object};

fn ring(ports: Capability<object::Ports>) {
    let _ = ports.ring();
}

fn main() {}
