//! The records that the resource manager reads say what the manifest says, and no text breaks the builder.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

use abi::channel::ChannelKind;
use abi::image::name_text;
use abi::manifest::{
    EVERY_PROCESSOR, GrantKind, MANIFEST_MAGIC, ManifestChannel, ManifestGrant, ManifestHeader,
    ManifestPartition, NO_PARTITION, PartitionFlags, PartitionRole,
};
use image_builder::{BuildError, Manifest, build, compile};
use proptest::prelude::*;
use std::io;
use zerocopy::FromBytes;

const TEXT: &str = r#"
[image]
name = "x"
slot = "100us"
[[partition]]
name = "rm"
role = "resource-manager"
rescuer = "boot"
lasting = "4M"
[[partition]]
name = "con"
role = "console"
program = "io"
rescuer = "rm"
restarts = 7
backoff = "20ms"
proof = "3s"
group = "shown"
watchdog = "100ms"
doorbells = 1000
processor = 3
share = 16
slack = false
contexts = 2
stack = "64K"
heap = "1M"
start = false
boot-image = true
creator = true
ports = [{ name = "uart", base = 0x3f8, count = 8 }]
interrupts = [{ name = "uart", isa = 4 }, { name = "net", line = 20 }]
devices = [{ name = "frames", address = 0xfd000000, size = "16K" }]
[[partition]]
name = "all"
program = "io"
processor = "every"
group = "shown"
[[partition]]
name = "boot"
role = "boot"
rescuer = "rm"
boot-image = true
lasting = "32K"
[[partition]]
name = "idle"
role = "idle"
rescuer = "boot"
[[channel]]
name = "console"
client = "all"
server = "con"
kind = "console"
entries = 128
data = "8K"
[[channel]]
name = "resource"
client = "boot"
server = "rm"
kind = "boot"
"#;

/// The records of `TEXT`.
fn records() -> (ManifestHeader, Vec<ManifestPartition>, Vec<ManifestChannel>, Vec<ManifestGrant>) {
    let bytes = compile(&Manifest::parse(TEXT).unwrap());
    let (header, mut rest) = ManifestHeader::read_from_prefix(&bytes).unwrap();
    let partitions = take(&mut rest, header.partitions);
    let channels = take(&mut rest, header.channels);
    let grants = take(&mut rest, header.grants);
    assert!(rest.is_empty());
    (header, partitions, channels, grants)
}

fn take<T: FromBytes>(rest: &mut &[u8], count: u32) -> Vec<T> {
    let one = |_| {
        let (record, left) = T::read_from_prefix(rest).ok().unwrap();
        *rest = left;
        record
    };
    (0..count).map(one).collect()
}

#[test]
fn partitions_are_as_written() {
    let (header, partitions, _, _) = records();
    assert_eq!((header.magic, header.slot), (MANIFEST_MAGIC, 100_000));
    let [rm, con, all, boot, _] = partitions[..] else { panic!("five partitions") };
    assert_eq!((rm.role, rm.rescuer, rm.lasting), (PartitionRole::ResourceManager as u16, 3, 1024));
    assert_eq!((name_text(&con.name), name_text(&con.program)), ("con", "io"));
    assert_eq!((con.restarts, con.backoff, con.proof), (7, 20, 3000));
    assert_eq!((con.watchdog, con.doorbells), (100, 1000));
    // A group has the number after its first member's.
    assert_eq!([con.group, all.group, boot.group, rm.group], [2, 2, 0, 0]);
    assert_eq!((boot.watchdog, boot.doorbells), (0, 0));
    assert_eq!((con.processor, con.share, con.contexts), (3, 16, 2));
    assert_eq!((con.stack, con.heap), (16, 256));
    let flags = PartitionFlags::BOOT_IMAGE | PartitionFlags::CREATOR;
    assert_eq!(PartitionFlags::from_bits_retain(con.flags), flags);
    assert_eq!((all.processor, all.rescuer), (EVERY_PROCESSOR, NO_PARTITION));
    let flags = PartitionFlags::START | PartitionFlags::SLACK;
    assert_eq!(PartitionFlags::from_bits_retain(all.flags), flags);
}

#[test]
fn channels_and_grants_are_as_written() {
    let (_, _, channels, grants) = records();
    let [channel, _] = channels[..] else { panic!("two channels") };
    assert_eq!((channel.client, channel.server), (2, 1));
    let names = (name_text(&channel.client_name), name_text(&channel.server_name));
    assert_eq!(names, ("console", "all"), "the server knows its clients by their names");
    assert_eq!(
        (channel.kind, channel.ring_shift, channel.data),
        (ChannelKind::Console as u16, 7, 2)
    );
    let seen: Vec<_> = grants.iter().map(|g| (g.partition, g.kind, g.base, g.count)).collect();
    let (ports, interrupt) = (GrantKind::Ports as u32, GrantKind::Interrupt as u32);
    let device = (1, GrantKind::Device as u32, 0xfd00_0000, 0x4000);
    assert_eq!(seen, [(1, ports, 0x3f8, 8), (1, interrupt, 4, 1), (1, interrupt, 20, 0), device]);
}

#[test]
fn each_program_is_asked_for_once_and_a_missing_one_is_named() {
    let manifest = Manifest::parse(TEXT).unwrap();
    assert_eq!(manifest.programs(), ["rm", "io", "boot", "idle"]);
    let lost = |name: &str| match name {
        "io" => Err(io::Error::from(io::ErrorKind::NotFound)),
        _ => Ok(Vec::new()),
    };
    let error = build(&manifest, lost, None).unwrap_err();
    assert_eq!(error.to_string(), "program 'io': entity not found");
}

// covers: BOOT-2
#[test]
fn what_a_loader_would_refuse_is_not_written() {
    let manifest = Manifest::parse(TEXT).unwrap();
    let error = build(&manifest, |_| Ok::<_, io::Error>(b"#!/bin/sh".to_vec()), None).unwrap_err();
    assert!(matches!(error, BuildError::Write(_)));
    assert_eq!(error.to_string(), "kernel 'kernel': the file is too short for an ELF header");
}

/// Lines of a right manifest in any order and number, some with a byte changed.
fn shuffled() -> impl Strategy<Value = String> {
    let lines: Vec<String> = TEXT.lines().map(str::to_owned).collect();
    let line = prop_oneof![9 => prop::sample::select(lines), 1 => "[ -~]{0,30}", 1 => "\\PC{0,8}"];
    prop::collection::vec(line, 0..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused_at_a_place_in_it(text in shuffled()) {
        if let Err(error) = Manifest::parse(&text) {
            let shown = error.render("x.toml", &text);
            let line: usize = shown.split(':').nth(1).unwrap().parse().unwrap();
            prop_assert!(line >= 1 && line <= text.matches('\n').count() + 1);
            prop_assert!(shown.contains('^'));
        }
    }

    #[test]
    fn a_right_manifest_with_a_line_changed_never_panics(index in 0..45_usize, with in "[ -~]{0,30}") {
        let lines: Vec<&str> = TEXT.lines().enumerate()
            .map(|(number, line)| if number == index { with.as_str() } else { line }).collect();
        if let Ok(manifest) = Manifest::parse(&lines.join("\n")) {
            prop_assert!(!compile(&manifest).is_empty());
        }
    }
}
