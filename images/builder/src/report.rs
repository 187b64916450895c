//! What every partition got, for people.

use crate::build::Built;
use crate::check::{wants, word};
use crate::compile::clients;
use crate::manifest::{Channel, Grant, Manifest, Partition};
use crate::unit::{size, time};
use abi::channel::ChannelKind;
use abi::manifest::{GrantKind, Isolation, PartitionFlags, PartitionRole};
use abi::types::ProcessorId;
use std::fmt::Write as _;

/// The report of an image.
#[must_use]
pub fn report(manifest: &Manifest, built: &Built) -> String {
    let mut out = String::new();
    line(&mut out, format!("Image {}: {} KiB", manifest.name.value, built.image.len() / 1024));
    line(&mut out, format!("  slot {}, frame {}", time(manifest.slot), time(16 * manifest.slot)));
    let isolation = Isolation::ALL[manifest.isolation as usize].1;
    line(&mut out, format!("  page-table isolation {isolation}"));
    for (name, bytes) in &built.sizes {
        line(&mut out, format!("  {name:<24} {:>6} KiB", bytes.div_ceil(1024)));
    }
    for (index, partition) in manifest.partitions.iter().enumerate() {
        describe(&mut out, manifest, index, partition);
    }
    plans(&mut out, manifest);
    out
}

fn line(out: &mut String, text: impl AsRef<str>) {
    out.push_str(text.as_ref());
    out.push('\n');
}

fn describe(out: &mut String, manifest: &Manifest, index: usize, partition: &Partition) {
    let role = word(&PartitionRole::ALL, partition.role.value);
    line(
        out,
        format!("\n{index} {} ({role}, program {})", partition.name.value, partition.program.value),
    );
    line(out, format!("  runs      {}", runs(partition)));
    let (stack, heap) = (size(partition.stack.into()), size(partition.heap.into()));
    let lasting = size(partition.lasting.into());
    line(out, format!("  memory    stack {stack} each, heap {heap}, lasting {lasting}"));
    line(out, format!("  rescuer   {}", rescue(partition)));
    line(out, format!("  watched   {}", watched(partition)));
    line(out, format!("  may       {}", capabilities(partition)));
    for grant in &partition.grants {
        line(out, format!("  device    {}", device(grant)));
    }
    match clients(manifest, partition) {
        0 => {}
        clients => line(out, format!("  clients   {clients} more may join")),
    }
    for channel in &manifest.channels {
        if let Some(text) = end(channel, &partition.name.value) {
            line(out, format!("  channel   {text}"));
        }
    }
}

fn runs(partition: &Partition) -> String {
    let share = match (partition.share.value, partition.flags.contains(PartitionFlags::SLACK)) {
        (0, _) => "in slack".to_owned(),
        (share, true) => format!("{share}/16 and in slack"),
        (share, false) => format!("{share}/16"),
    };
    let start =
        if partition.flags.contains(PartitionFlags::START) { "" } else { ", not started at boot" };
    match partition.processor {
        None => format!("a context on every processor, {share}{start}"),
        Some(first) => {
            format!("{} context from processor {first} on, {share}{start}", partition.contexts)
        }
    }
}

fn rescue(partition: &Partition) -> String {
    let Some(rescuer) = &partition.rescuer else { return "none: stays down".to_owned() };
    let (restarts, backoff, proof) = (partition.restarts, partition.backoff, partition.proof);
    format!(
        "{}, {restarts} restarts, back-off {backoff} ms, proved after {proof} ms",
        rescuer.value
    )
}

fn watched(partition: &Partition) -> String {
    let hang = match partition.watchdog {
        0 => "not for hanging".to_owned(),
        time => format!("hung after {time} ms of running without a turn"),
    };
    let storm = match partition.doorbells {
        0 => "any number of doorbells".to_owned(),
        most => format!("at most {most} doorbells in a second"),
    };
    let group = partition.group.as_ref();
    let group = group.map_or(String::new(), |group| format!(", in the group {}", group.value));
    format!("{hang}, {storm}{group}")
}

fn capabilities(partition: &Partition) -> String {
    let texts = [
        (PartitionFlags::BOOT_IMAGE, "read the boot image"),
        (PartitionFlags::DEBUG, "write to the debug port"),
        (PartitionFlags::CREATOR, "create and destroy partitions"),
        (PartitionFlags::SELF, "manage itself"),
        (PartitionFlags::TESTER, "everything, for tests"),
        (PartitionFlags::REAPER, "stop infrastructure, for tests"),
        (PartitionFlags::POLICY, "decide what else is made"),
    ];
    let may: Vec<&str> = texts
        .iter()
        .filter(|(flag, _)| partition.flags.contains(*flag))
        .map(|(_, text)| *text)
        .collect();
    let all = match partition.role.value {
        PartitionRole::ResourceManager => "everything",
        _ if may.is_empty() => "nothing but use its channels and devices",
        _ => return may.join(", "),
    };
    all.to_owned()
}

fn device(grant: &Grant) -> String {
    let (name, base, count) = (&grant.name.value, grant.base.value, grant.count);
    match (grant.kind, count) {
        (GrantKind::Ports, _) => format!("{name}: ports {base:#x} to {:#x}", base + count - 1),
        (GrantKind::Interrupt, 1) => format!("{name}: ISA interrupt {base}"),
        (GrantKind::Interrupt, _) => format!("{name}: interrupt line {base}"),
        (GrantKind::Framebuffer, _) => format!("{name}: the firmware's framebuffer"),
        (GrantKind::Device, _) => format!("{name}: registers {base:#x} to {:#x}", base + count - 1),
    }
}

/// The channel as `partition` sees it, if it is at one of its ends.
fn end(channel: &Channel, partition: &str) -> Option<String> {
    let kind = word(&ChannelKind::ALL, channel.kind.value);
    let (entries, data) = (1 << channel.ring_shift, size(channel.data.into()));
    let (name, what, peer) = if channel.client.value == partition {
        (&channel.client_name.value, "client of", &channel.server.value)
    } else if channel.server.value == partition {
        (&channel.server_name.value, "server of", &channel.client.value)
    } else {
        return None;
    };
    Some(format!("{name}: {kind}, {what} {peer}, {entries} entries, {data}"))
}

/// The plans of the first four processors of a machine with four.
fn plans(out: &mut String, manifest: &Manifest) {
    line(
        out,
        "\nPlans on a machine with four processors (number of the partition in each slot, then takers of slack)",
    );
    for index in 0..4 {
        let plan = plan::plan(ProcessorId::new(index), 4, wants(manifest));
        let mut text = format!("  {index}:");
        for slot in plan.slots {
            let number = slot.map_or("-".to_owned(), |place| place.partition.raw().to_string());
            let _ = write!(text, " {number:>2}");
        }
        text.push_str("  |");
        for place in plan.takers {
            let _ = write!(text, " {}", place.partition.raw());
        }
        line(out, text);
    }
}
