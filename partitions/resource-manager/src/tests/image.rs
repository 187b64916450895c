//! The image of the manager's tests: a partition of every role, and one worker.

use abi::image::{EntryKind, name_from};
use abi::layout;
use abi::manifest::{
    EVERY_PROCESSOR, MANIFEST_MAGIC, MANIFEST_VERSION, ManifestChannel, ManifestGrant,
    ManifestHeader, ManifestPartition, NO_PARTITION, PartitionFlags, PartitionRole,
};
use boot_image::ImageWriter;
use zerocopy::IntoBytes;

fn partition(name: &str, role: PartitionRole, rescuer: u32) -> ManifestPartition {
    ManifestPartition {
        name: name_from(name).expect("short"),
        program: name_from("tiny").expect("short"),
        role: role as u16,
        processor: 0,
        share: 2,
        contexts: 1,
        flags: PartitionFlags::START.bits(),
        rescuer,
        restarts: 3,
        backoff: 10,
        proof: 1000,
        stack: 1,
        heap: 2,
        lasting: 1,
        watchdog: 0,
        doorbells: 0,
        group: 0,
        clients: 0,
        version: 1,
        up_within: 100,
    }
}

/// Index of a partition in the manifest.
pub mod index {
    pub const BOOT: u32 = 1;
    pub const IDLE: u32 = 2;
    pub const COMMAND: u32 = 3;
    pub const WORKER: u32 = 4;
}

fn partitions() -> [ManifestPartition; 5] {
    let idle = partition("idle", PartitionRole::Idle, NO_PARTITION);
    let boot = partition("boot", PartitionRole::Boot, index::COMMAND);
    let worker = partition("worker", PartitionRole::Ordinary, index::BOOT);
    let command = partition("command", PartitionRole::Command, index::BOOT);
    let with = |flags: PartitionFlags| (PartitionFlags::START | flags).bits();
    [
        partition("resource-manager", PartitionRole::ResourceManager, index::BOOT),
        ManifestPartition { flags: with(PartitionFlags::BOOT_IMAGE), ..boot },
        ManifestPartition { processor: EVERY_PROCESSOR, share: 0, ..idle },
        ManifestPartition {
            flags: with(PartitionFlags::CREATOR | PartitionFlags::POLICY),
            clients: 40,
            ..command
        },
        ManifestPartition { processor: 1, ..worker },
    ]
}

fn channel(client: u32, server: u32, kind: u16) -> ManifestChannel {
    let name = name_from("channel").expect("short");
    ManifestChannel {
        client_name: name,
        server_name: name,
        client,
        server,
        kind,
        ring_shift: 2,
        data: 1,
        speaks: [1, 1],
    }
}

/// A manifest with every role the manager knows, and one worker.
pub fn manifest() -> Vec<u8> {
    let channels = [
        channel(index::BOOT, 0, 3),
        channel(index::COMMAND, 0, 2),
        channel(index::WORKER, index::COMMAND, 0),
    ];
    let grant = ManifestGrant {
        name: name_from("line").expect("short"),
        partition: index::WORKER,
        kind: 2,
        base: 4,
        count: 1,
    };
    let header = ManifestHeader {
        magic: MANIFEST_MAGIC,
        version: MANIFEST_VERSION,
        partitions: 5,
        channels: 3,
        grants: 1,
        slot: 1_000_000,
        isolation: 0,
        watch: 0,
        zones: 0,
        reserved: 0,
    };
    let partitions = partitions();
    let parts = [header.as_bytes(), partitions.as_bytes(), channels.as_bytes(), grant.as_bytes()];
    parts.concat()
}

/// A boot image of that manifest and one program.
pub fn image() -> Vec<u8> {
    image_of(manifest())
}

/// A boot image of a manifest and one program.
pub fn image_of(manifest: Vec<u8>) -> Vec<u8> {
    image_with(manifest, elf(0x5a, 2))
}

/// The same with a program of one's own.
pub fn image_with(manifest: Vec<u8>, elf: Vec<u8>) -> Vec<u8> {
    let mut writer = ImageWriter::new("test").expect("a name");
    writer.add(EntryKind::Manifest, "manifest", manifest).expect("added");
    writer.add(EntryKind::Kernel, "kernel", vec![1; 16]).expect("added");
    writer.add(EntryKind::Program, "tiny", elf).expect("added");
    writer.finish_unchecked(None)
}

/// A program of a page of text, filled with a byte, and some of data.
pub fn elf(text: u8, data: u64) -> Vec<u8> {
    elf_at(layout::PROGRAM_BASE, text, data)
}

/// The same linked to another place.
pub fn elf_at(base: u64, text: u8, data: u64) -> Vec<u8> {
    let mut file = vec![text; 0x3000];
    file[..0x1000].fill(0);
    file[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    let shorts = [(16, 2_u16), (18, 62), (52, 64), (54, 56), (56, 2), (58, 64)];
    shorts.iter().for_each(|(at, value)| put(*at, &value.to_le_bytes()));
    put(20, &1_u32.to_le_bytes());
    put(24, &base.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    let segments = [
        (5_u32, 0x1000_u64, base, 0x1000_u64, 0x1000_u64),
        (6, 0x2000, base + 0x2000, 0x800, data << 12),
    ];
    for (at, (flags, offset, address, length, memory)) in (64..).step_by(56).zip(segments) {
        put(at, &1_u32.to_le_bytes());
        put(at + 4, &flags.to_le_bytes());
        let words = [offset, address, address, length, memory, 0x1000];
        words.iter().zip(0..).for_each(|(word, i)| put(at + 8 + i * 8, &word.to_le_bytes()));
    }
    file
}
