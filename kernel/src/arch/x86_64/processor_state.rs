//! Puts a processor into the state in which it runs partitions.
#![expect(unsafe_code, reason = "loads tables and registers of the processor")]

use super::area::Area;
use super::control_register;
use super::msr::{self, Register};
use super::segments::{KERNEL_CODE, KERNEL_DATA, STAR, TASK};
use super::system_call;
use super::vectors;
use abi::control::Feature;
use core::arch::asm;
use core::sync::atomic::Ordering;
use x86::dtables::{DescriptorTablePointer, lgdt};
use x86::segmentation::SegmentSelector;

/// EFER: `syscall`, long mode, no-execute.
const EFER: u64 = 1 << 0 | 1 << 8 | 1 << 11;
/// Flags that `syscall` clears: TF, IF, DF, IOPL, NT, AC, and all else but those of arithmetic and the one that is always set.
const FMASK: u64 = 0x0025_7700;

/// Kinds of memory as after power-on (Intel SDM 3A, 12.12.4), which the bits of page tables are written for.
const PAT: u64 = 0x0007_0406_0007_0406;

/// Loads everything on the processor that `area` belongs to. It must be this one.
pub fn load(area: &'static Area, features: Feature) {
    control_register::protect(features);
    load_segments(area);
    vectors::load();
    let mut entry: extern "C" fn() = system_call::entry;
    if features.contains(Feature::ISOLATED_PAGE_TABLES) {
        area.head.root.store(control_register::root(), Ordering::Relaxed);
        entry = system_call::isolated;
    }
    let registers = [
        (Register::Efer, msr::read(Register::Efer) | EFER),
        (Register::Star, STAR),
        (Register::Lstar, entry as *const () as u64),
        (Register::Fmask, FMASK),
        (Register::SysenterCs, 0),
        (Register::Pat, PAT),
        (Register::FsBase, 0),
        (Register::KernelGsBase, 0),
        (Register::GsBase, core::ptr::from_ref(area).addr() as u64),
    ];
    for (register, value) in registers {
        // SAFETY: the values are those that the entry code is written for.
        unsafe { msr::write(register, value) };
    }
    area.head.smap.store(u64::from(features.contains(Feature::SMAP)), Ordering::Relaxed);
}

fn load_segments(area: &'static Area) {
    // SAFETY: the table lives for ever.
    unsafe { lgdt(&DescriptorTablePointer::new(&area.head.table)) };
    // SAFETY: the selectors are those of the table just loaded; a far return brings the new code selector.
    unsafe {
        asm!(
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ss, {data:e}",
            "mov ds, {null:e}",
            "mov es, {null:e}",
            "mov fs, {null:e}",
            "mov gs, {null:e}",
            code = const KERNEL_CODE as i32,
            scratch = out(reg) _,
            data = in(reg) u32::from(KERNEL_DATA),
            null = in(reg) 0,
        );
    }
    // SAFETY: the table's last entry describes the area's task state.
    unsafe { x86::task::load_tr(SegmentSelector::from_raw(TASK)) };
    // Whatever ran before left no descriptors to partitions, and no breakpoints that would strike in the entry code.
    // SAFETY: no local table, and no debug register in use.
    unsafe { asm!("lldt {0:x}", "mov dr7, {0:r}", in(reg) 0_u64) };
}

/// Leaves nothing of one partition's segment selectors to the next; that of GS is cleared on the way out.
#[inline]
pub fn clear_selectors() {
    // SAFETY: null selectors, and nobody uses these segments.
    unsafe {
        asm!("mov ds, {0:e}", "mov es, {0:e}", "mov fs, {0:e}", in(reg) 0, options(nostack, preserves_flags));
    }
}
