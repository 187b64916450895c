//! The rules of founding: boot partition, idle and a command partition that decides must be able to do what nobody does in their place.

use crate::check::Checked;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Partition};
use abi::channel::ChannelKind;
use abi::manifest::{EMERGENCY_PAGES, PartitionFlags, PartitionRole, RESOURCE_CHANNEL};
use abi::types::PAGE_SIZE;

/// Checks every partition that takes part.
pub(crate) fn manifest(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        match partition.role.value {
            PartitionRole::Boot => {
                brings_back(partition)?;
                starts(partition, "nobody brings the resource manager back")?;
                asks(manifest, partition, ChannelKind::Boot)?;
            }
            PartitionRole::Idle => {
                starts(partition, "nobody looks after boot and the resource manager")?;
            }
            PartitionRole::Command => {
                if partition.flags.contains(PartitionFlags::POLICY) {
                    starts(partition, "nobody has the rest made")?;
                }
                asks(manifest, partition, ChannelKind::Command)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Who brings the resource manager back reads its program, and does so where the usual stack may just be taken out.
fn brings_back(partition: &Partition) -> Checked {
    let name = &partition.name;
    if !partition.flags.contains(PartitionFlags::BOOT_IMAGE) {
        let message = format!("'{}' does not see the program that it brings back", name.value);
        return Err(Diagnostic::new(&name.span, message).help("give it `boot-image = true`"));
    }
    if partition.lasting >= EMERGENCY_PAGES {
        return Ok(());
    }
    let message = format!("'{}' has no room for a life in which its memory is broken", name.value);
    let kib = u64::from(EMERGENCY_PAGES) * PAGE_SIZE / 1024;
    let help = format!("give it `lasting = \"{kib}K\"`");
    Err(Diagnostic::new(&name.span, message).help(help))
}

/// Whether a partition is started at boot, without whom this is so.
fn starts(partition: &Partition, otherwise: &str) -> Checked {
    if partition.flags.contains(PartitionFlags::START) {
        return Ok(());
    }
    let name = &partition.name;
    let message = format!("'{}' is not started: {otherwise}", name.value);
    Err(Diagnostic::new(&name.span, message).help("leave `start` at true"))
}

/// Its program looks for the channel to the resource manager by name.
fn asks(manifest: &Manifest, partition: &Partition, kind: ChannelKind) -> Checked {
    let own = |name: &str| partition.name.value == name;
    let mut channels = manifest.channels.iter();
    let channel = channels.find(|one| own(&one.client.value) && one.kind.value == kind);
    match channel.map(|one| &one.client_name) {
        Some(name) if name.value != RESOURCE_CHANNEL => {
            let message =
                format!("'{}' looks for this channel by another name", partition.name.value);
            let help = format!("call it \"{RESOURCE_CHANNEL}\"");
            Err(Diagnostic::new(&name.span, message).help(help))
        }
        // That there is one is a rule of its kind.
        _ => Ok(()),
    }
}
