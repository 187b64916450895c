//! Where granted registers are: some places are known only when the machine starts.

use super::world::World;
use crate::manager::Facts;
use abi::boot::{BootInformation, Framebuffer};
use abi::image::Name;
use abi::manifest::{GrantKind, ManifestGrant};
use abi::types::PhysicalAddress;

fn grant(kind: GrantKind) -> ManifestGrant {
    ManifestGrant {
        name: Name::default(),
        partition: 1,
        kind: kind as u32,
        base: 0x1000,
        count: 0x2000,
    }
}

/// What a machine whose ledger covers 2 GiB makes of a framebuffer of 4096-byte lines.
fn found(address: u64, height: u32) -> (u64, u64) {
    let (_world, manager) = World::new();
    let mut boot: BootInformation = *manager.facts.boot;
    let address = PhysicalAddress::new(address);
    boot.machine.framebuffer = Framebuffer { address, pitch: 4096, width: 1024, height, depth: 32 };
    let facts = Facts { boot: Box::leak(Box::new(boot)), frames: 0x8_0000, ..manager.facts };
    assert_eq!(facts.registers(&grant(GrantKind::Device)), Some((0x1000, 0x2000)));
    assert_eq!(facts.registers(&grant(GrantKind::Ports)), None);
    facts.registers(&grant(GrantKind::Framebuffer)).unwrap()
}

#[test]
fn a_framebuffer_is_where_the_firmware_left_it() {
    assert_eq!(found(0x4000_0000, 768), (0x4000_0000, 768 << 12));
    assert_eq!(found(0x8000_0000 - (768 << 12), 768).1, 768 << 12);
}

#[test]
fn a_framebuffer_that_cannot_be_given_has_no_bytes() {
    for address in [0, 0x8000_0000, 0x8000_0000 - (767 << 12), u64::MAX - 4095] {
        assert_eq!(found(address, 768).1, 0, "{address:#x}");
    }
    assert_eq!(
        found(0x4000_0000, 10_000).1,
        24 << 20,
        "of a very large one the first lines are given"
    );
}
