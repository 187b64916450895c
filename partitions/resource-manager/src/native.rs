//! The machine as the manager sees it: system calls.

use abi::call::PortOperation;
use abi::control::first_slot;
use abi::types::{Nanoseconds, Slot};
use program_loader::{Kernel, Refusal, Values};
use resource_manager::manager::Machine;
use rt::capability::{Capability, object};
use rt::sys;

/// The kernel under this program.
#[derive(Debug)]
pub struct Native {
    processors: u16,
}

impl Native {
    /// The kernel, with as many processors online as the time page says.
    #[must_use]
    pub fn new() -> Self {
        let online = rt::time::page().map_or(1, |page| page.processors);
        Self { processors: u16::try_from(online).unwrap_or(1).max(1) }
    }
}

impl Kernel for Native {
    fn pause(&mut self) {
        core::hint::spin_loop();
    }

    fn control(
        &mut self,
        capability: Slot,
        operation: u64,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        sys::control(capability, operation, arguments)
            .map_err(|failure| Refusal { error: failure.error, value: failure.value })
    }
}

impl Machine for Native {
    fn ring(&mut self, doorbell: Slot) {
        // A stale doorbell leads to a partition that was restarted and will find what is there.
        let _ = sys::ring(doorbell);
    }

    fn processors(&self) -> u16 {
        self.processors
    }

    fn now(&self) -> u64 {
        rt::time::now().raw()
    }

    fn sleep_until(&mut self, deadline: u64) {
        // With an empty mask the only end of a wait is its deadline.
        let _ = sys::wait(0, Nanoseconds::new(deadline));
    }

    fn say(&mut self, line: &[u8]) {
        // Without a debug port nobody reads.
        let _ = Capability::<object::Debug>::in_slot(first_slot::DEBUG).write(line);
    }

    fn port(&mut self, operation: PortOperation, port: u16, value: u32) -> u32 {
        sys::port(first_slot::PORTS, port, operation, value).unwrap_or(u32::MAX)
    }
}
