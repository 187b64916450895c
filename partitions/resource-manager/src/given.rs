//! What a partition is given beside its memory and its channels, in the order of its slots.

use crate::manifest::{Manifest, flags, role};
use abi::image::{Name, name_from};
use abi::information::ResourceKind;
use abi::manifest::{GrantKind, ManifestGrant, ManifestPartition, PartitionFlags, PartitionRole};
use abi::rights::{Kind, Rights};

/// Something a partition is given in a slot of its own.
#[derive(Clone, Copy, Debug)]
pub enum Given<'m> {
    /// Hardware.
    Grant(&'m ManifestGrant),
    /// The debug port.
    Debug,
    /// Its own partition.
    OwnPartition,
    /// Its own first context.
    OwnContext,
    /// The resource manager's partition.
    ManagerPartition,
    /// The resource manager's context.
    ManagerContext,
    /// The boot partition's first context: it can be started, and nothing else.
    BootContext,
    /// The resource manager's context, for whoever looks whether it lives, and takes it to another processor where its own failed.
    ManagerLife,
    /// The first context of the partition with a role, for a reaper: see [`VICTIMS`].
    Victim(PartitionRole),
    /// What rings the resource manager.
    ManagerBell,
    /// What rings the boot partition.
    BootBell,
    /// The authority over memory.
    Memory,
    /// The kernel.
    Kernel,
    /// The first processor.
    Processor,
    /// The interrupt line [`TEST_LINE`].
    Line,
}

/// Whom a reaper may stop.
pub const VICTIMS: [PartitionRole; 5] = [
    PartitionRole::ResourceManager,
    PartitionRole::Boot,
    PartitionRole::Command,
    PartitionRole::Console,
    PartitionRole::Idle,
];

/// A line that no device of the machines we test on uses.
pub const TEST_LINE: u32 = 7;

impl Given<'_> {
    /// Its name as the partition sees it.
    #[must_use]
    pub fn name(&self) -> Name {
        let text = match self {
            Self::Grant(grant) => return grant.name,
            Self::Debug => "debug",
            Self::OwnPartition => "self-partition",
            Self::OwnContext => "self-context",
            Self::ManagerPartition => "manager-partition",
            Self::ManagerContext | Self::ManagerLife => "manager-context",
            Self::BootContext => "boot-context",
            Self::Victim(PartitionRole::ResourceManager) => "victim-resource-manager",
            Self::Victim(PartitionRole::Boot) => "victim-boot",
            Self::Victim(PartitionRole::Command) => "victim-command",
            Self::Victim(PartitionRole::Idle) => "victim-idle",
            Self::Victim(_) => "victim-console",
            Self::ManagerBell => "manager-bell",
            Self::BootBell => "boot-bell",
            Self::Memory => "memory",
            Self::Kernel => "kernel",
            Self::Processor => "processor",
            Self::Line => "line",
        };
        name_from(text).unwrap_or_default()
    }

    /// Kind of the capability.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Grant(grant) if grant.kind == GrantKind::Ports as u32 => Kind::Ports,
            Self::Grant(grant) if grant.kind == GrantKind::Interrupt as u32 => Kind::Interrupt,
            Self::Grant(_) => Kind::None,
            Self::Debug => Kind::Debug,
            Self::OwnPartition | Self::ManagerPartition => Kind::Partition,
            Self::OwnContext | Self::ManagerContext => Kind::Context,
            Self::BootContext | Self::ManagerLife | Self::Victim(_) => Kind::Context,
            Self::ManagerBell | Self::BootBell => Kind::Doorbell,
            Self::Memory => Kind::Memory,
            Self::Kernel => Kind::Kernel,
            Self::Processor => Kind::Processor,
            Self::Line => Kind::Interrupt,
        }
    }

    /// Rights of the capability.
    #[must_use]
    pub fn rights(&self) -> Rights {
        match self {
            Self::Grant(_) | Self::Debug => Rights::USE | Rights::INSPECT,
            Self::BootContext | Self::ManagerLife | Self::Victim(_) => {
                Rights::MANAGE | Rights::INSPECT
            }
            Self::ManagerBell | Self::BootBell => Rights::USE,
            _ => Rights::all(),
        }
    }

    /// How it is listed in the information pages.
    #[must_use]
    pub fn resource_kind(&self) -> ResourceKind {
        match self {
            Self::Debug => ResourceKind::Debug,
            Self::Grant(_) => match self.kind() {
                Kind::Ports => ResourceKind::Ports,
                Kind::Interrupt => ResourceKind::Interrupt,
                _ if is_framebuffer(self) => ResourceKind::Framebuffer,
                _ => ResourceKind::Device,
            },
            _ => ResourceKind::Capability,
        }
    }
}

fn is_framebuffer(given: &Given<'_>) -> bool {
    matches!(given, Given::Grant(grant) if grant.kind == GrantKind::Framebuffer as u32)
}

/// All that the partition defined at `index` is given; what stands at place `n` is in its slot `n + 1`.
pub fn given<'m>(
    manifest: &Manifest<'m>,
    index: u32,
    definition: &ManifestPartition,
) -> impl Iterator<Item = Given<'m>> + use<'m> {
    let flags = flags(definition);
    let rescuer = role(definition) == PartitionRole::Boot;
    let own = flags.contains(PartitionFlags::SELF) || rescuer;
    let guard = role(definition) == PartitionRole::Idle;
    let tester = flags.contains(PartitionFlags::TESTER);
    let extra = [
        (flags.contains(PartitionFlags::DEBUG), Given::Debug),
        (own, Given::OwnPartition),
        (own, Given::OwnContext),
        (rescuer, Given::ManagerPartition),
        (rescuer, Given::ManagerContext),
        (guard, Given::BootContext),
        (guard, Given::ManagerLife),
        (guard, Given::ManagerBell),
        (guard, Given::BootBell),
        (rescuer || tester, Given::Memory),
        (tester, Given::Kernel),
        (tester, Given::Processor),
        (tester, Given::Line),
    ];
    let extra = extra.into_iter().filter(|(given, _)| *given).map(|(_, given)| given);
    let reaper = flags.contains(PartitionFlags::REAPER);
    let victims = VICTIMS.into_iter().filter(move |_| reaper).map(Given::Victim);
    let manager = role(definition) == PartitionRole::ResourceManager;
    manifest
        .grants_of(index)
        .map(Given::Grant)
        .chain(extra)
        .chain(victims)
        .filter(move |_| !manager)
}
