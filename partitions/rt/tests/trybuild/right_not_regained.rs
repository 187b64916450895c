//! A handle that was narrowed is never wide again.
use rt::capability::{Capability, object, right};

fn widen(
    narrow: Capability<object::Memory, right::Inspect>,
) -> Capability<object::Memory, right::Grant> {
    narrow.only::<right::Grant>()
}

fn main() {}
