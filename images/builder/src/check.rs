//! The rules that join partitions, channels and shares. Each complaint says which rule is broken and where.

use crate::diagnostic::{Diagnostic, nearest};
use crate::manifest::{Channel, Located, Manifest, Partition};
use crate::unit::size;
use crate::{check_devices, check_founding, check_rescue, zones};
use abi::control::PLAN_SLOTS;
use abi::image::NAME_LENGTH;
use abi::layout;
use abi::manifest::{GrantKind, MANAGER_CHANNELS, PartitionFlags, PartitionRole};
use abi::types::{PAGE_SIZE, PartitionId, ProcessorId};
use plan::{Fit, Want};
use zone::{Already, Breach, Ends};

pub(crate) type Checked = Result<(), Diagnostic>;

/// Checks everything that can be checked without the programs.
pub(crate) fn manifest(manifest: &Manifest) -> Checked {
    name(&manifest.name)?;
    manifest.partitions.iter().try_for_each(partition)?;
    unique_partitions(manifest)?;
    roles(manifest)?;
    check_rescue::rescuers(manifest)?;
    manifest.channels.iter().try_for_each(|entry| channel(manifest, entry))?;
    manager_channels(manifest)?;
    room_for_clients(manifest)?;
    resource_names(manifest)?;
    check_devices::manifest(manifest)?;
    shares(manifest)?;
    check_rescue::manifest(manifest)?;
    zones::check(manifest)?;
    kinds_needed(manifest)?;
    check_founding::manifest(manifest)
}

pub(crate) fn name(name: &Located<String>) -> Checked {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let text = &name.value;
    if !text.is_empty() && text.len() <= NAME_LENGTH && text.bytes().all(letter) {
        return Ok(());
    }
    let message = format!("\"{text}\" is not a name");
    let help = format!("a name has 1 to {NAME_LENGTH} of a-z, 0-9 and '-'");
    Err(Diagnostic::new(&name.span, message).help(help))
}

fn partition(partition: &Partition) -> Checked {
    name(&partition.name)?;
    name(&partition.program)?;
    if partition.share.value == 0 && !partition.flags.contains(PartitionFlags::SLACK) {
        let message = format!("partition '{}' would never run", partition.name.value);
        let help = "give it a `share`, or leave `slack` at true";
        return Err(Diagnostic::new(&partition.name.span, message).help(help));
    }
    let decides = partition.flags.contains(PartitionFlags::POLICY);
    if decides && partition.role.value != PartitionRole::Command {
        let message = format!("'{}' cannot decide what is made", partition.name.value);
        let help = "`policy` is for the partition with the role \"command\"";
        return Err(Diagnostic::new(&partition.name.span, message).help(help));
    }
    partition.grants.iter().try_for_each(|grant| name(&grant.name))
}

/// The first of `items` whose key an earlier one has, and that earlier one.
pub(crate) fn repeated<'a, T, K: PartialEq>(
    items: &'a [T],
    key: impl Fn(&'a T) -> K,
) -> Option<(&'a T, &'a T)> {
    items.iter().enumerate().find_map(|(index, item)| {
        let first = items[..index].iter().find(|other| key(other) == key(item))?;
        Some((first, item))
    })
}

fn unique_partitions(manifest: &Manifest) -> Checked {
    match repeated(&manifest.partitions, |partition| partition.name.value.clone()) {
        None => Ok(()),
        Some((_, second)) => {
            let message = format!("a second partition is named '{}'", second.name.value);
            Err(Diagnostic::new(&second.name.span, message))
        }
    }
}

fn roles(manifest: &Manifest) -> Checked {
    let special: Vec<&Partition> =
        manifest.partitions.iter().filter(|p| p.role.value != PartitionRole::Ordinary).collect();
    if let Some((first, second)) = repeated(&special, |partition| partition.role.value) {
        let message = format!("'{}' has this role already", first.name.value);
        return Err(Diagnostic::new(&second.role.span, message));
    }
    match manifest.partitions.first() {
        Some(first) if first.role.value == PartitionRole::ResourceManager => Ok(()),
        first => {
            let span = first.map_or(&manifest.name.span, |partition| &partition.name.span);
            let message = "the first partition must have the role \"resource-manager\"";
            Err(Diagnostic::new(span, message).help("it is the one that creates all others"))
        }
    }
}

/// That a partition of this name exists.
pub(crate) fn known(manifest: &Manifest, name: &Located<String>) -> Checked {
    let mut names = manifest.partitions.iter().map(|partition| partition.name.value.as_str());
    if names.any(|other| other == name.value) {
        return Ok(());
    }
    let names = manifest.partitions.iter().map(|partition| partition.name.value.as_str());
    let diagnostic = Diagnostic::new(&name.span, format!("there is no partition '{}'", name.value));
    match nearest(&name.value, names) {
        Some(near) => Err(diagnostic.help(format!("did you mean `{near}`?"))),
        None => Err(diagnostic),
    }
}

fn channel(manifest: &Manifest, channel: &Channel) -> Checked {
    name(&channel.client_name)?;
    name(&channel.server_name)?;
    known(manifest, &channel.client)?;
    known(manifest, &channel.server)?;
    if channel.client.value == channel.server.value {
        let message = "a channel joins two different partitions";
        return Err(Diagnostic::new(&channel.server.span, message));
    }
    let [asks, serves] = &channel.speaks;
    if asks.value.common(serves.value) == 0 {
        let message = "client and server speak no version in common";
        return Err(Diagnostic::new(&serves.span, message));
    }
    kind_fits(manifest, channel)
}

/// That there may be this channel, besides those before it.
fn kind_fits(manifest: &Manifest, channel: &Channel) -> Checked {
    let role = |name: &Located<String>| {
        let found = manifest.partitions.iter().find(|partition| partition.name.value == name.value);
        found.map_or(PartitionRole::Ordinary, |partition| partition.role.value)
    };
    let earlier = manifest.channels.iter().take_while(|other| !std::ptr::eq(*other, channel));
    let alike = earlier.filter(|other| other.kind.value == channel.kind.value);
    let mut already = Already::default();
    for other in alike {
        already.of_machine += 1;
        already.of_client += u32::from(other.client.value == channel.client.value);
    }
    let ends = Ends { client: role(&channel.client), server: role(&channel.server) };
    zone::may_add(channel.kind.value, ends, already).map_err(|breach| {
        let span = match breach {
            Breach::Client { .. } => &channel.client.span,
            Breach::Server { .. } => &channel.server.span,
            _ => &channel.kind.span,
        };
        Diagnostic::new(span, breach.to_string())
    })
}

/// That who needs a channel of a kind has it.
fn kinds_needed(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        let name = &partition.name;
        let has = |kind| {
            let own = manifest.channels.iter().filter(|one| one.client.value == name.value);
            own.filter(|one| one.kind.value == kind).count()
        };
        if let Some(breach) = zone::lacking(partition.role.value, has) {
            return Err(Diagnostic::new(&name.span, breach.to_string()));
        }
    }
    Ok(())
}

/// The word that manifests use for `value`.
pub(crate) fn word<T: PartialEq>(words: &[(T, &'static str)], value: T) -> &'static str {
    words.iter().find(|(other, _)| *other == value).map_or("?", |(_, word)| word)
}

/// The resource manager serves so many channels and no more.
fn manager_channels(manifest: &Manifest) -> Checked {
    let manager = manifest.partitions.first().map(|partition| &partition.name.value);
    let to_manager = |channel: &&Channel| Some(&channel.server.value) == manager;
    match manifest.channels.iter().filter(to_manager).nth(MANAGER_CHANNELS) {
        None => Ok(()),
        Some(channel) => {
            let message =
                format!("more than {MANAGER_CHANNELS} channels lead to the resource manager");
            Err(Diagnostic::new(&channel.server.span, message))
        }
    }
}

/// That the clients which may join a server find room in its address space.
fn room_for_clients(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        let (Some(clients), server) = (&partition.clients, &partition.name.value) else { continue };
        let berth = manifest.joining(server).map(Channel::pages).max().map_or(0, |most| most + 1);
        let ends = |channel: &&Channel| {
            [&channel.client, &channel.server].iter().any(|end| end.value == *server)
        };
        let there: u64 = manifest.channels.iter().filter(ends).map(|one| one.pages() + 1).sum();
        let room = (layout::CHANNELS_END - layout::CHANNELS) / PAGE_SIZE;
        let most = room.saturating_sub(there).checked_div(berth).unwrap_or(0);
        if u64::from(clients.value) > most {
            let message = format!("there is room for the channels of {most} clients at most");
            let help = match berth {
                0 => "none can join it: no channel leads to it from a partition without a role"
                    .to_owned(),
                _ => format!(
                    "a client takes {} here: less `data` or fewer `entries` make it less",
                    size(berth)
                ),
            };
            return Err(Diagnostic::new(&clients.span, message).help(help));
        }
    }
    Ok(())
}

/// What a partition was given it finds by kind and name, so no name may stand for two of a kind.
fn resource_names(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        let owner = &partition.name.value;
        let clients = manifest.channels.iter().filter(|channel| channel.client.value == *owner);
        let servers = manifest.channels.iter().filter(|channel| channel.server.value == *owner);
        let names: Vec<(Option<GrantKind>, &Located<String>)> = clients
            .map(|channel| (None, &channel.client_name))
            .chain(servers.map(|channel| (None, &channel.server_name)))
            .chain(partition.grants.iter().map(|grant| (Some(grant.kind), &grant.name)))
            .collect();
        if let Some((_, (kind, name))) = repeated(&names, |(kind, name)| (*kind, &name.value)) {
            return Err(same_name(owner, *kind, name));
        }
    }
    Ok(())
}

fn same_name(owner: &str, kind: Option<GrantKind>, name: &Located<String>) -> Diagnostic {
    let what = match kind {
        None => "channels",
        Some(GrantKind::Ports) => "port ranges",
        Some(GrantKind::Interrupt) => "interrupts",
        Some(GrantKind::Device) => "devices",
        Some(GrantKind::Framebuffer) => "framebuffers",
    };
    let message = format!("'{owner}' has two {what} named \"{}\"", name.value);
    let diagnostic = Diagnostic::new(&name.span, message);
    match kind {
        None => diagnostic.help("name it differently at that end: `client-name`, `server-name`"),
        Some(_) => diagnostic,
    }
}

/// That every processor's plan meets every share, on a machine with as many processors as are named.
fn shares(manifest: &Manifest) -> Checked {
    let last = manifest.partitions.iter().filter_map(last_processor).max().unwrap_or(0);
    let Err((processor, fit)) = plan::check(last.saturating_add(1), wants(manifest)) else {
        return Ok(());
    };
    let culprit = manifest.partitions.iter().rev().find(|partition| {
        partition.share.value > 0
            && partition.processor.is_none_or(|first| first <= processor.raw())
    });
    let span = culprit.map_or(&manifest.name.span, |partition| &partition.share.span);
    let problem = match fit {
        Fit::Scaled { wanted } => format!("shares add up to {wanted} of {PLAN_SLOTS} slots"),
        fit => fit.to_string(),
    };
    let problem = Diagnostic::new(span, format!("processor {}: {problem}", processor.raw()));
    let excess = match fit {
        Fit::Scaled { wanted } => u64::from(wanted).saturating_sub(PLAN_SLOTS as u64),
        _ => 0,
    };
    let own = culprit.map_or(0, |partition| u64::from(partition.share.value));
    Err(match own.checked_sub(excess) {
        Some(left @ 1..) if excess > 0 => {
            problem.help(format!("{left} are left for this partition"))
        }
        _ => problem,
    })
}

fn last_processor(partition: &Partition) -> Option<u16> {
    Some(partition.processor?.saturating_add(partition.contexts).saturating_sub(1))
}

/// What the partitions want of the processors, as the resource manager will say it.
pub(crate) fn wants(manifest: &Manifest) -> impl Iterator<Item = Want> + Clone {
    manifest.partitions.iter().zip(0_u32..).map(|(partition, index)| Want {
        partition: PartitionId::new(index),
        processor: partition.processor.map(ProcessorId::new),
        contexts: partition.contexts,
        share: partition.share.value,
        slack: partition.flags.contains(PartitionFlags::SLACK),
        failed: 0,
        depths: 0,
        context_slot: 0,
    })
}
