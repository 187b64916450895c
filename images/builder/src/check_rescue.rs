//! The rules of death and return: who brings whom back, and who goes with whom.

use crate::check::{Checked, known, name};
use crate::diagnostic::{Diagnostic, nearest};
use crate::manifest::{Located, Manifest, Partition};
use abi::channel::ChannelKind;
use abi::manifest::PartitionRole;

/// What is said of each rescuer by itself. Infrastructure without somebody who restarts it stays dead.
pub(crate) fn rescuers(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        match &partition.rescuer {
            Some(rescuer) if rescuer.value == partition.name.value => {
                return Err(Diagnostic::new(&rescuer.span, "a partition cannot rescue itself"));
            }
            Some(rescuer) => known(manifest, rescuer)?,
            None if partition.role.value == PartitionRole::Ordinary => {}
            None => {
                let message = format!("'{}' has a role but no rescuer", partition.name.value);
                let help = "say who restarts it: `rescuer = \"boot\"`";
                return Err(Diagnostic::new(&partition.name.span, message).help(help));
            }
        }
    }
    Ok(())
}

/// What is said of all of them together.
pub(crate) fn manifest(manifest: &Manifest) -> Checked {
    for partition in &manifest.partitions {
        let Some(rescuer) = &partition.rescuer else { continue };
        able(manifest, partition, rescuer)?;
        not_in_a_circle(manifest, partition, rescuer)?;
    }
    last_resort(manifest)?;
    groups(manifest)
}

fn find<'m>(manifest: &'m Manifest, name: &Located<String>) -> Option<&'m Partition> {
    manifest.partitions.iter().find(|partition| partition.name.value == name.value)
}

fn role(manifest: &Manifest, wanted: PartitionRole) -> Option<&Partition> {
    manifest.partitions.iter().find(|partition| partition.role.value == wanted)
}

/// A rescuer must be able to ask for a restart; the resource manager, whom nobody can ask then, is brought back by boot.
fn able(manifest: &Manifest, partition: &Partition, rescuer: &Located<String>) -> Checked {
    let Some(by) = find(manifest, rescuer) else { return Ok(()) };
    let (rescued, by_role) = (partition.role.value, by.role.value);
    if rescued == PartitionRole::ResourceManager && by_role != PartitionRole::Boot {
        let message =
            "the resource manager is brought back by the partition with the role \"boot\"";
        return Err(Diagnostic::new(&rescuer.span, message));
    }
    let asks =
        |kind| matches!(kind, ChannelKind::Control | ChannelKind::Command | ChannelKind::Boot);
    let mut channels = manifest.channels.iter();
    if by_role == PartitionRole::ResourceManager
        || channels.any(|one| one.client.value == by.name.value && asks(one.kind.value))
    {
        return Ok(());
    }
    let message = format!("'{}' cannot rescue: it has nobody to ask", by.name.value);
    let help = "give it a channel of kind \"control\" to the resource manager";
    Err(Diagnostic::new(&rescuer.span, message).help(help))
}

/// Whether those who rescue each other in a circle have somebody outside it. The resource manager looks after every partition with
/// a role whose rescuer does not act, and idle after boot and the resource manager: a circle without a role has nobody.
fn not_in_a_circle(
    manifest: &Manifest,
    partition: &Partition,
    rescuer: &Located<String>,
) -> Checked {
    let mut at = partition;
    for _ in &manifest.partitions {
        if at.role.value != PartitionRole::Ordinary {
            return Ok(());
        }
        match at.rescuer.as_ref().and_then(|rescuer| find(manifest, rescuer)) {
            Some(next) if next.name.value != partition.name.value => at = next,
            Some(_) => break,
            None => return Ok(()),
        }
    }
    if at.rescuer.as_ref().is_none_or(|last| last.value != partition.name.value) {
        // Its path leads into a circle that it is not part of: whoever is says so.
        return Ok(());
    }
    let message = format!("'{}' is rescued in a circle that nobody breaks", partition.name.value);
    let help = "have one of them rescued by a partition with a role, such as \"boot\"";
    Err(Diagnostic::new(&rescuer.span, message).help(help))
}

/// Boot and resource manager bring each other back, directly or by way of others; idle is there for when both are down.
fn last_resort(manifest: &Manifest) -> Checked {
    let Some(boot) = role(manifest, PartitionRole::Boot) else { return Ok(()) };
    if role(manifest, PartitionRole::Idle).is_some() {
        return Ok(());
    }
    let message = "nobody looks after boot and the resource manager when both are down";
    let help = "add a partition with `role = \"idle\"` and `processor = \"every\"`";
    Err(Diagnostic::new(&boot.name.span, message).help(help))
}

/// A group has two members or more.
fn groups(manifest: &Manifest) -> Checked {
    let all = || manifest.partitions.iter().filter_map(|partition| partition.group.as_ref());
    for group in all() {
        name(group)?;
        if all().filter(|other| other.value == group.value).count() < 2 {
            let message = format!("nobody else is in the group \"{}\"", group.value);
            let others = all().map(|other| other.value.as_str());
            let diagnostic = Diagnostic::new(&group.span, message);
            return Err(
                match nearest(&group.value, others.filter(|other| *other != group.value)) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                },
            );
        }
    }
    Ok(())
}
