//! Firmware tables, good ones and every way to break them.

use super::machine::Memory;
use crate::acpi::{self, Findings};
use crate::{MemoryMap, Rsdp};
use abi::layout::KERNEL_DEVICES;
use abi::types::PhysicalAddress;
use proptest::prelude::*;
use std::vec::Vec;

const RSDP: u64 = 0xf_1230;
const XSDT: u64 = 0x10_0000;
const RSDT: u64 = 0x10_1000;
const MADT: u64 = 0x10_2004;
const FADT: u64 = 0x10_3000;
const HPET: u64 = 0x10_4000;
const DSDT: u64 = 0x10_5001;

/// Sets byte `at` so that all sum to zero.
pub fn balance(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    bytes[at] = bytes.iter().fold(0_u8, |sum, &byte| sum.wrapping_sub(byte));
}

pub fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(signature);
    bytes.extend(body);
    let length = u32::try_from(bytes.len()).unwrap();
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    balance(&mut bytes, 9);
    bytes
}

fn rsdp(revision: u8, rsdt: u64, xsdt: u64) -> [u8; 36] {
    let mut bytes = [0; 36];
    bytes[..8].copy_from_slice(b"RSD PTR ");
    bytes[15] = revision;
    bytes[16..20].copy_from_slice(&u32::try_from(rsdt).unwrap().to_le_bytes());
    bytes[20] = 36;
    bytes[24..32].copy_from_slice(&xsdt.to_le_bytes());
    balance(&mut bytes[..20], 8);
    balance(&mut bytes, 32);
    bytes
}

/// Records of a MADT behind its fixed part.
fn madt(records: &[&[u8]]) -> Vec<u8> {
    let mut body = 0xfee0_0000_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    records.iter().for_each(|record| body.extend(*record));
    table(b"APIC", &body)
}

fn processor(id: u8, flags: u8) -> [u8; 8] {
    [0, 8, 0, id, flags, 0, 0, 0]
}

fn x2apic(id: u32, flags: u8) -> Vec<u8> {
    let mut record = vec![9, 16, 0, 0];
    record.extend(id.to_le_bytes());
    record.extend([flags, 0, 0, 0, 0, 0, 0, 0]);
    record
}

const IO_APIC: [u8; 12] = [1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 24, 0, 0, 0];
const OVERRIDE: [u8; 10] = [2, 10, 0, 0, 2, 0, 0, 0, 13, 0];

fn fadt(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = vec![0; 244 - 36];
    let mut set = |offset: usize, value: u32| {
        body[offset - 36..offset - 32].copy_from_slice(&value.to_le_bytes());
    };
    set(40, u32::try_from(DSDT).unwrap());
    set(64, 0x604);
    set(76, 0x608);
    set(112, 1 << 8);
    change(&mut body);
    table(b"FACP", &body)
}

/// `_S5` with these bytes for its package's numbers.
fn dsdt(numbers: &[u8]) -> Vec<u8> {
    let mut body = b"junk_S5_junk\x08_S5_\x12".to_vec();
    body.push(u8::try_from(numbers.len() + 2).unwrap());
    body.push(4);
    body.extend(numbers);
    body.extend([0; 16]);
    table(b"DSDT", &body)
}

/// A machine with every table; `revision` 0 has only the old root.
pub fn machine(revision: u8) -> Memory {
    let mut memory = Memory { end: 0x1000, ..Memory::default() };
    let list = [MADT, FADT, HPET];
    let wide: Vec<u8> = list.iter().flat_map(|it| it.to_le_bytes()).collect();
    let narrow: Vec<u8> = list.iter().flat_map(|it| it.to_le_bytes()[..4].to_vec()).collect();
    memory.place(RSDP, &rsdp(revision, RSDT, if revision >= 2 { XSDT } else { 0 }));
    memory.place(XSDT, &table(b"XSDT", &wide));
    memory.place(RSDT, &table(b"RSDT", &narrow));
    let second = x2apic(300, 1);
    let records: [&[u8]; 6] =
        [&processor(0, 1), &processor(1, 0), &processor(3, 1), &second, &IO_APIC, &OVERRIDE];
    memory.place(MADT, &madt(&records));
    memory.place(FADT, &fadt(|_| ()));
    let mut hpet = vec![0; 8];
    hpet.extend(0xfed0_0000_u64.to_le_bytes());
    memory.place(HPET, &table(b"HPET", &hpet));
    memory.place(DSDT, &dsdt(&[0x0a, 5, 0, 0, 0]));
    memory
}

/// Lists further tables beside those of [`machine`].
pub fn tables_at(memory: &mut Memory, more: &[u64]) {
    let list = [MADT, FADT, HPET];
    let wide: Vec<u8> = list.iter().chain(more).flat_map(|it| it.to_le_bytes()).collect();
    memory.place(XSDT, &table(b"XSDT", &wide));
}

/// Puts an empty list of tables at 64 MiB and returns a root pointer to it that is nowhere in memory.
pub fn root_copy(memory: &mut Memory) -> [u8; 36] {
    memory.place(0x3ff_0000, &table(b"XSDT", &[]));
    rsdp(2, 0, 0x3ff_0000)
}

fn read(memory: &Memory, rsdp: &Rsdp, processor: u32) -> Findings {
    acpi::read(memory, rsdp, processor, &MemoryMap::default())
}

fn found(memory: &Memory) -> Findings {
    read(memory, &Rsdp::At(PhysicalAddress::new(RSDP)), 3)
}

/// Ids of the processors found.
fn processors(findings: &Findings) -> Vec<u32> {
    let count = usize::try_from(findings.machine.processor_count).unwrap();
    findings.machine.processors[..count].to_vec()
}

fn assert_complete(findings: &Findings) {
    let it = &findings.machine;
    assert_eq!(processors(findings), [3, 0, 300]);
    assert_eq!((it.io_apic_count, it.override_count), (1, 1));
    let io_apic = it.io_apics[0];
    assert_eq!((io_apic.physical.raw(), io_apic.base, io_apic.id), (0xfec0_0000, 24, 7));
    assert_eq!((it.overrides[0].source, it.overrides[0].line, it.overrides[0].flags), (0, 2, 13));
    assert_eq!((it.pm_timer, it.pm_timer_wide), (0x608, 1));
    assert_eq!((it.power_off.port_a, it.power_off.value_a), (0x604, 0x3400));
    assert_eq!((it.power_off.port_b, it.power_off.value_b), (0, 0x2000));
    let places: Vec<_> =
        findings.devices.iter().map(|it| (it.address, it.physical.raw())).collect();
    let expected = [
        (KERNEL_DEVICES, 0xfee0_0000),
        (KERNEL_DEVICES + 0x1000, 0xfed0_0000),
        (KERNEL_DEVICES + 0x2000, 0xfec0_0000),
    ];
    assert_eq!(places, expected);
    assert_eq!(it.local_apic.raw(), KERNEL_DEVICES);
    assert_eq!(it.hpet.raw(), KERNEL_DEVICES + 0x1000);
    assert_eq!(io_apic.address.raw(), KERNEL_DEVICES + 0x2000);
}

#[test]
fn both_generations_of_roots_are_read() {
    assert_complete(&found(&machine(0)));
    assert_complete(&found(&machine(2)));
}

#[test]
fn the_root_is_searched_and_copies_are_taken() {
    let memory = machine(2);
    let searched = read(&memory, &Rsdp::Search, 3);
    assert_complete(&searched);
    assert_eq!(searched.machine.rsdp.raw(), RSDP);
    // A wrong address, too, leads to a search.
    assert_complete(&read(&memory, &Rsdp::At(PhysicalAddress::new(0x5000)), 3));
    let mut bare = machine(2);
    bare.place(RSDP, &[0; 36]);
    assert_eq!(processors(&read(&bare, &Rsdp::Search, 3)), [3]);
    let copied = read(&bare, &Rsdp::Copy(rsdp(2, RSDT, XSDT)), 3);
    assert_complete(&copied);
    assert_eq!((copied.machine.rsdp.raw(), copied.copy), (0, Some(rsdp(2, RSDT, XSDT))));
    assert_eq!(read(&bare, &Rsdp::Copy([7; 36]), 3).copy, None);
    assert_complete(&read(&bare, &Rsdp::Copy(rsdp(0, RSDT, 0)), 3));
    let mut extended = machine(2);
    extended.place(RSDP, &[0; 36]);
    extended.place(0x40e, &[0xc0, 0x9f]);
    extended.place(0x9_fc10, &rsdp(2, RSDT, XSDT));
    assert_complete(&read(&extended, &Rsdp::Search, 3));
}

#[test]
fn a_broken_wide_root_falls_back_to_the_old_one() {
    let mut memory = machine(2);
    memory.place(XSDT + 9, &[0xee]);
    assert_complete(&found(&memory));
    let mut memory = machine(2);
    memory.place(RSDP + 32, &[0xee]);
    assert_complete(&found(&memory));
}

#[test]
fn tables_with_wrong_sums_are_left_out() {
    for (table, absent) in [(MADT, "processors"), (FADT, "timer"), (HPET, "hpet")] {
        let mut memory = machine(2);
        memory.place(table + 10, &[0xee]);
        let findings = found(&memory);
        let it = &findings.machine;
        assert_eq!(processors(&findings) == [3], absent == "processors");
        assert_eq!(it.pm_timer == 0, absent == "timer");
        assert_eq!(it.hpet.raw() == 0, absent == "hpet");
        assert_eq!(it.local_apic.raw(), KERNEL_DEVICES);
    }
}

#[test]
fn without_tables_there_is_this_processor() {
    let findings = read(&Memory { end: 0x1000, ..Memory::default() }, &Rsdp::Search, 9);
    assert_eq!(processors(&findings), [9]);
    assert_eq!(findings.machine.rsdp.raw(), 0);
    let places: Vec<_> = findings.devices.iter().map(|device| device.physical.raw()).collect();
    assert_eq!(places, [0xfee0_0000, 0xfec0_0000], "both kinds of APIC where they usually are");
    let [io_apic, ..] = findings.machine.io_apics;
    assert_eq!((findings.machine.io_apic_count, io_apic.base), (1, 0));
}

#[test]
fn lists_that_name_themselves_or_nothing_end() {
    let mut memory = machine(2);
    let list: Vec<u8> = [XSDT, XSDT, 0, u64::MAX, 0x7fff_ffff_ffff_f000, MADT]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    memory.place(XSDT, &table(b"XSDT", &list));
    assert_eq!(processors(&found(&memory)), [3, 0, 300]);
}

#[test]
fn more_than_there_is_room_for_is_left_out() {
    let mut memory = machine(2);
    let mut records: Vec<Vec<u8>> = (0..200).map(|id| x2apic(id, 1)).collect();
    records.extend((0..20).map(|_| IO_APIC.to_vec()));
    records.extend((0..40).map(|_| OVERRIDE.to_vec()));
    let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    memory.place(MADT, &madt(&records));
    let findings = found(&memory);
    let ids = processors(&findings);
    assert_eq!((ids.len(), ids[0], ids[1]), (64, 3, 0));
    assert_eq!((findings.machine.io_apic_count, findings.machine.override_count), (8, 24));
    assert_eq!(findings.devices.len(), 10);
}

#[test]
fn broken_records_end_the_table() {
    for broken in [&[0_u8, 0][..], &[0, 1], &[0, 200, 0, 0], &[9]] {
        let mut memory = machine(2);
        memory.place(MADT, &madt(&[&processor(7, 1), broken, &processor(8, 1)]));
        let ids = processors(&found(&memory));
        assert!(ids.starts_with(&[3, 7]) && !ids.contains(&8), "{broken:?} {ids:?}");
    }
    let mut memory = machine(2);
    memory.place(MADT, &madt(&[&[0, 4, 0, 9], &[1, 3, 0], &processor(8, 1)]));
    assert_eq!(processors(&found(&memory)), [3, 8]);
}

#[test]
fn the_local_apic_may_be_elsewhere() {
    let mut memory = machine(2);
    let elsewhere = [5, 12, 0, 0, 0x40, 0, 0, 0xd0, 0, 0, 0, 0];
    memory.place(MADT, &madt(&[&elsewhere]));
    let findings = found(&memory);
    assert_eq!(findings.devices[0].physical.raw(), 0xd000_0040);
    assert_eq!(findings.machine.local_apic.raw(), KERNEL_DEVICES + 0x40);
}

#[test]
fn extended_ports_hold_where_they_are_ports() {
    let mut memory = machine(2);
    let set = |body: &mut Vec<u8>, space: u8, address: u64| {
        body[208 - 36] = space;
        body[212 - 36..220 - 36].copy_from_slice(&address.to_le_bytes());
    };
    for (space, address, expected) in
        [(1, 0x1808, 0x1808), (0, 0x1808, 0x608), (1, 0, 0x608), (1, 0x1_0000, 0)]
    {
        memory.place(FADT, &fadt(|body| set(body, space, address)));
        assert_eq!(found(&memory).machine.pm_timer, expected);
    }
    memory.place(FADT, &fadt(|body| body[114 - 36] = 0x10));
    let it = found(&memory).machine;
    assert_eq!((it.pm_timer, it.power_off.port_a), (0, 0));
}

#[test]
fn the_off_state_is_found_in_all_its_spellings() {
    let off = |code: &[u8]| {
        let mut memory = machine(2);
        memory.place(DSDT, &table(b"DSDT", code));
        found(&memory).machine.power_off
    };
    let values = |code: &[u8]| {
        let it = off(code);
        (it.value_a >> 10 & 7, it.value_b >> 10 & 7, it.port_a)
    };
    assert_eq!(values(b"\x08_S5_\x12\x08\x04\x0a\x05\x0a\x04\0\0........"), (5, 4, 0x604));
    assert_eq!(values(b"\x08_S5_\x12\x06\x04\x00\x00\0\0........"), (0, 0, 0x604));
    assert_eq!(values(b"\x08_S5_\x12\x06\x04\x01\x00\0\0........"), (1, 0, 0x604));
    assert_eq!(values(b"\x08_S5_\x12\x4a\x00\x04\x0b\x07\x00\x0b\x06\x00\0......"), (7, 6, 0x604));
    assert_eq!(values(b"\x08_S5_\x12\x04\x01\x0a\x05..............."), (5, 0, 0x604));
    for code in [
        &b"\x08_S5_\x12\x06\x00\x0a\x05.............."[..],
        b"\x08_S5_\x11\x06\x02\x0a\x05..............",
        b"\x08_S5_\x12\x06\x02ABCD..............",
        b"_S5_\x12",
        b"",
    ] {
        assert_eq!((off(code).port_a, off(code).value_a), (0, 0), "{code:x?}");
    }
}

#[test]
fn a_secondary_table_may_hold_the_off_state() {
    let mut memory = machine(2);
    memory.place(DSDT, &table(b"DSDT", &[0; 40]));
    let list: Vec<u8> = [FADT, 0x10_8000].iter().flat_map(|it: &u64| it.to_le_bytes()).collect();
    memory.place(XSDT, &table(b"XSDT", &list));
    memory.place(0x10_8000, &table(b"SSDT", b"\x08_S5_\x12\x06\x04\x0a\x06\0\0\0........"));
    assert_eq!(found(&memory).machine.power_off.value_a, 0x3800);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever stands in the tables: no panic, no end beyond the arrays.
    #[test]
    fn garbage_is_survived(
        damage in proptest::collection::vec((0_u64..0x6000, any::<u8>()), 1..40),
        sums in any::<bool>(),
        end in 0x100_u64..0x107,
    ) {
        let mut memory = machine(2);
        for (offset, value) in damage {
            memory.place(XSDT + offset, &[value]);
        }
        if sums {
            mend(&mut memory);
        }
        memory.end = end;
        check(&found(&memory));
    }

    /// A table whose records are noise with the right sum.
    #[test]
    fn noise_records_are_survived(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut memory = machine(2);
        memory.place(MADT, &madt(&[&noise]));
        memory.place(DSDT, &table(b"DSDT", &noise));
        check(&found(&memory));
    }
}

fn check(findings: &Findings) {
    let it = &findings.machine;
    assert_eq!(it.processors[0], 3);
    assert!((1..=64).contains(&it.processor_count));
    assert!(it.io_apic_count <= 8 && it.override_count <= 24);
    let ids = processors(findings);
    assert!(ids.iter().enumerate().all(|(index, id)| !ids[..index].contains(id)));
    let shown = 1 + usize::from(it.hpet.raw() != 0) + usize::try_from(it.io_apic_count).unwrap();
    assert_eq!(findings.devices.len(), shown);
}

/// Makes the sums of damaged tables right, so that what is behind the sum is reached.
pub fn mend(memory: &mut Memory) {
    for address in [XSDT, RSDT, MADT, FADT, HPET] {
        let length = u32::try_from(memory.word(address + 4) & 0xffff_ffff).unwrap();
        if (36..0x1000).contains(&length) {
            let mut bytes = memory.bytes(address, usize::try_from(length).unwrap());
            balance(&mut bytes, 9);
            memory.place(address, &bytes);
        }
    }
}
