//! Capabilities in tables: pages of slots, and what is put into them.

/// Ports that a parameter names: 0 stands for all of them.
pub(crate) fn port_count(parameter: u32) -> u64 {
    match u64::from(parameter >> 16) {
        0 => 0x1_0000,
        count => count,
    }
}
