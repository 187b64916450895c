//! What the ledger covers of framebuffers, and framebuffers that cannot be.

use super::boot::{boot_with, sample};
use super::machine::{Memory, map, report};
use crate::Use;
use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;

/// A screen of 1280 by 800 at this address: 1,000 frames.
fn screen(address: u64) -> Framebuffer {
    let address = PhysicalAddress::new(address);
    Framebuffer { address, pitch: 5120, width: 1280, height: 800, depth: 32 }
}

#[test]
fn the_ledger_reaches_a_framebuffer_where_that_costs_little() {
    let memory = map(&[report(1, 0x9e, Use::Usable), report(0x100, 0xff00, Use::Usable)]);
    for (address, end) in [
        // Beyond 256 MiB of memory but below 4 GiB: not 8 MiB of entries.
        (0x8000_0000_u64, 0x8_0000 + 1000_u64),
        (0xfd00_0000, 0xf_d000 + 1000),
        // 128 MiB of entries are too many.
        (0x10_0000_0000, 0x1_0000),
        (u64::MAX - 4095, 0x1_0000),
        (0, 0x1_0000),
    ] {
        let booted = boot_with(Memory::default(), memory.clone(), &sample(), |offer| {
            offer.framebuffer = screen(address)
        })
        .unwrap();
        let it = &booted.information;
        assert_eq!((it.frames, it.ledger.count), (end, end.div_ceil(512)), "{address:#x}");
        assert_eq!(it.machine.framebuffer.address.raw(), address);
        let shown = booted.pages.iter().filter(|page| page.physical >> 12 >= 0x1_0000);
        assert!(shown.count() <= 2, "the kernel sees its own devices and no more");
    }
}

#[test]
fn a_framebuffer_in_the_midst_of_memory_is_none() {
    // What is reserved may be one: graphics without memory of their own take theirs from here.
    let memory = map(&[
        report(1, 0x9e, Use::Usable),
        report(0x100, 0xff00, Use::Usable),
        report(0x1_0000, 0x1000, Use::Reserved),
    ]);
    for (address, found) in [(0x100_0000, 0), (0xfff_f000, 0), (0x1000_0000, 0x1000_0000)] {
        let booted = boot_with(Memory::default(), memory.clone(), &sample(), |offer| {
            offer.framebuffer = screen(address)
        })
        .unwrap();
        assert_eq!(booted.information.machine.framebuffer.address.raw(), found, "{address:#x}");
    }
}
