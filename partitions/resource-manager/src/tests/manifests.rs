//! A manifest that was altered says nothing that could break the manager.

use super::image;
use crate::manifest::{BadManifest, Manifest};
use abi::manifest::{GrantKind, ManifestChannel, ManifestPartition, ManifestZone};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

#[test]
fn every_number_of_a_manifest_is_checked() {
    let good = image::manifest();
    assert!(Manifest::parse(&good).is_ok());
    for length in 0..good.len() {
        assert!(Manifest::parse(&good[..length]).is_err(), "{length} bytes");
    }
    let broken = |offset: usize, bytes: &[u8]| {
        let mut words = vec![0_u64; good.len().div_ceil(8)];
        let bad = &mut words.as_mut_bytes()[..good.len()];
        bad.copy_from_slice(&good);
        bad[offset..offset + bytes.len()].copy_from_slice(bytes);
        Manifest::parse(bad).err()
    };
    let (partitions, channels) = (56, 56 + 5 * size_of::<ManifestPartition>());
    let grants = channels + 3 * size_of::<ManifestChannel>();
    assert_eq!(broken(0, &[0]), Some(BadManifest::Header));
    assert_eq!(broken(24, &[0; 8]), Some(BadManifest::Header), "slot of no length");
    assert_eq!(broken(32, &[3]), Some(BadManifest::Header), "isolation");
    assert_eq!(broken(40, &[1]), Some(BadManifest::Header), "looks all the time");
    assert_eq!(broken(partitions + 2, &[0x1b]), Some(BadManifest::Partition(0)), "name");
    assert_eq!(broken(partitions + 48, &[0]), Some(BadManifest::Partition(0)), "role");
    let second = partitions + size_of::<ManifestPartition>();
    assert_eq!(broken(second + 48, &[9]), Some(BadManifest::Partition(1)), "role");
    assert_eq!(broken(partitions + 54, &[0]), Some(BadManifest::Partition(0)), "contexts");
    assert_eq!(broken(partitions + 60, &[5, 0, 0, 0]), Some(BadManifest::Partition(0)), "rescuer");
    assert_eq!(broken(partitions + 76, &[0xff; 4]), Some(BadManifest::Partition(0)), "stack");
    assert_eq!(broken(partitions + 80, &[0xff; 4]), Some(BadManifest::Partition(0)), "heap");
    assert_eq!(broken(partitions + 84, &[0xff; 4]), Some(BadManifest::Partition(0)), "lasting");
    for name in [channels + 2, channels + 26] {
        assert_eq!(broken(name, &[0x1b]), Some(BadManifest::Channel(0)), "its name at an end");
    }
    assert_eq!(broken(channels + 48, &[5]), Some(BadManifest::Channel(0)), "client");
    assert_eq!(broken(channels + 52, &[1]), Some(BadManifest::Channel(0)), "to itself");
    assert_eq!(broken(channels + 56, &[99]), Some(BadManifest::Channel(0)), "kind");
    assert_eq!(broken(channels + 58, &[13]), Some(BadManifest::Channel(0)), "ring");
    assert_eq!(broken(channels + 60, &[0xff; 4]), Some(BadManifest::Channel(0)), "data");
    assert_eq!(broken(grants + 24, &[5]), Some(BadManifest::Grant(0)), "partition");
    assert_eq!(broken(grants + 28, &[5]), Some(BadManifest::Grant(0)), "kind");
    assert_eq!(broken(grants + 32, &[0xff; 16]), Some(BadManifest::Grant(0)), "range");
    let mut large = [0; 20];
    large[0] = GrantKind::Device as u8;
    large[12..].fill(0xff);
    assert_eq!(broken(grants + 28, &large), Some(BadManifest::Grant(0)), "registers without end");
    assert_eq!(broken(48, &[1]), Some(BadManifest::Header), "a zone that is not there");
}

// covers: CHN-2
#[test]
fn kinds_of_channels_and_zones_are_checked() {
    let good = image::manifest();
    let channels = 56 + 5 * size_of::<ManifestPartition>();
    let with = |index: usize, change: &dyn Fn(&mut ManifestChannel)| {
        let mut words = vec![0_u64; good.len().div_ceil(8)];
        let bad = &mut words.as_mut_bytes()[..good.len()];
        bad.copy_from_slice(&good);
        let at = channels + index * size_of::<ManifestChannel>();
        change(ManifestChannel::mut_from_prefix(&mut bad[at..]).unwrap().0);
        Manifest::parse(bad).err()
    };
    let parsed = Manifest::parse(&good).unwrap();
    let commands = parsed.channels.iter().position(|one| one.kind == 2).unwrap();
    let other = (0..3).find(|index| *index > commands).unwrap_or(2);
    assert_eq!(with(0, &|_| ()), None);
    for logical in 7..10 {
        assert_eq!(with(1, &|one| one.kind = logical), Some(BadManifest::Channel(1)), "no memory");
    }
    let mut second = parsed.channels[commands];
    second.data = 9;
    let changed = with(other, &|one| *one = second);
    assert_eq!(changed, Some(BadManifest::Channel(other)), "a second command channel");
    let wrong = with(commands, &|one| one.kind = 3);
    assert_eq!(wrong, Some(BadManifest::Channel(commands)), "boot's, of another client");
    let zone = |partition, kind| {
        let mut bytes = good.clone();
        let zone = ManifestZone { partition, kind, ..ManifestZone::new_zeroed() };
        bytes[48] = 1;
        bytes.extend(zone.as_bytes());
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(&bytes);
        Manifest::parse(&words.as_bytes()[..bytes.len()]).err()
    };
    assert_eq!((zone(u32::MAX, 8), zone(4, 9)), (None, None));
    assert_eq!(zone(5, 8), Some(BadManifest::Zone(0)), "of no partition");
    for kind in [0, 1, 6, 10, u16::MAX] {
        assert_eq!(zone(u32::MAX, kind), Some(BadManifest::Zone(0)), "kind {kind}");
    }
}
