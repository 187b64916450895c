//! Segments and the task state: as little as long mode allows.

use x86::Ring;
use x86::bits64::task::TaskStateSegment;

/// Selector of the kernel's code.
pub const KERNEL_CODE: u16 = 0x08;
/// Selector of the kernel's data.
pub const KERNEL_DATA: u16 = 0x10;
/// Selector of a partition's data, ring 3.
pub const USER_DATA: u16 = 0x18 | 3;
/// Selector of a partition's code, ring 3.
pub const USER_CODE: u16 = 0x20 | 3;
/// Selector of the task state segment.
pub const TASK: u16 = 0x28;
/// What `syscall` and `sysret` make selectors of: `sysret` adds 8 for data and 16 for code.
pub const STAR: u64 = (KERNEL_DATA as u64 | 3) << 48 | (KERNEL_CODE as u64) << 32;

/// Entries of a descriptor table.
pub type Table = [u64; 7];

/// The descriptor table of a processor whose task state is at `task` (AMD64 APM 2, 4.8).
pub fn table(task: u64) -> Table {
    let limit = size_of::<TaskStateSegment>() as u64 - 1;
    let low = limit | (task & 0x00ff_ffff) << 16 | 0x89 << 40 | (task >> 24 & 0xff) << 56;
    [
        0,
        0x00af_9b00_0000_ffff,
        0x00cf_9300_0000_ffff,
        0x00cf_f300_0000_ffff,
        0x00af_fb00_0000_ffff,
        low,
        task >> 32,
    ]
}

/// The task state: the stack for entries from ring 3, and those for NMI, double fault and machine check. No I/O ports.
pub fn task_state(stack: u64, critical: [u64; 3]) -> TaskStateSegment {
    let mut state = TaskStateSegment::new();
    state.set_rsp(Ring::Ring0, stack);
    for (index, top) in critical.into_iter().enumerate() {
        state.set_ist(index, top);
    }
    state.iomap_base = size_of::<TaskStateSegment>() as u16;
    state
}
