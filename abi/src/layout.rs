//! Where things are in an address space. The lower half belongs to the partition, the upper to the kernel.
//!
//! All of a partition lies in the first GiB, so that five page tables suffice for a small one.

/// First address of a partition's program; below it nothing is ever mapped.
pub const PROGRAM_BASE: u64 = 0x0040_0000;
/// The other place for programs of the resource manager and the boot partition: versions of these lie there and from
/// [`PROGRAM_BASE`] on in turn, so that the next is whole before the last goes.
pub const PROGRAM_BESIDE: u64 = 0x0400_0000;
/// End of the room for a program's segments.
pub const PROGRAM_END: u64 = 0x0800_0000;
/// Lowest address a stack may reach; the page below the stack is never mapped.
pub const STACK_LIMIT: u64 = 0x0800_0000;
/// One past the highest byte of the first context's stack. Stacks of further contexts
/// follow below, each at its top minus `index * STACK_STRIDE`. One page table maps that stack and the pages above it up to
/// [`LASTING`].
pub const STACK_TOP: u64 = 0x0bf0_0000;
/// Distance between the stack tops of two contexts of one partition.
pub const STACK_STRIDE: u64 = 0x0010_0000;
/// The partition's report page, which it writes and the resource manager reads ([`crate::information::Report`]).
pub const REPORT: u64 = 0x0bf1_0000;
/// The kernel's time page, read-only in every partition ([`crate::information::TimePage`]).
pub const TIME_PAGE: u64 = 0x0bf1_1000;
/// First of the partition's information pages, read-only ([`crate::information::Information`]).
pub const INFORMATION: u64 = 0x0bf1_2000;
/// Most information pages of one partition.
pub const INFORMATION_PAGES: u64 = 64;
/// Memory that outlives a restart, where the manifest grants it.
pub const LASTING: u64 = 0x0c00_0000;
/// End of the room for lasting memory.
pub const LASTING_END: u64 = 0x1000_0000;
/// The heap.
pub const HEAP: u64 = 0x1000_0000;
/// End of the room for the heap.
pub const HEAP_END: u64 = 0x1800_0000;
/// Device memory granted by the manifest.
pub const DEVICES: u64 = 0x1800_0000;
/// End of the room for device memory.
pub const DEVICES_END: u64 = 0x1a00_0000;
/// The resource manager's and the boot partition's window through which they fill frames they own.
pub const WINDOW: u64 = 0x1a00_0000;
/// End of the window.
pub const WINDOW_END: u64 = 0x1c00_0000;
/// Boot information, mapped read-only in the first partition ([`crate::boot::BootInformation`]).
pub const BOOT_INFORMATION: u64 = 0x1c00_0000;
/// The boot image, read-only, in partitions that load programs.
pub const BOOT_IMAGE: u64 = 0x1d00_0000;
/// End of the room for the boot image; no image is larger.
pub const BOOT_IMAGE_END: u64 = 0x1dc0_0000;
/// The first of the images to upgrade from, read-only, in the resource manager; the others follow, each as much later as the boot image
/// has room. The boot partition, where it sees the boot image, sees them in the same places.
pub const LATER_IMAGES: u64 = 0x1dc0_0000;
/// End of the room for them.
pub const LATER_IMAGES_END: u64 = 0x2000_0000;
const _: () = assert!(
    (LATER_IMAGES_END - LATER_IMAGES) / (BOOT_IMAGE_END - BOOT_IMAGE) >= 3
        && crate::boot::LATER_IMAGES == 3
);

/// Where the image with this number is seen: 0 the boot image, those to upgrade from behind it.
#[must_use]
pub const fn image_address(number: u64) -> u64 {
    BOOT_IMAGE.wrapping_add(number.wrapping_mul(BOOT_IMAGE_END.wrapping_sub(BOOT_IMAGE)))
}
const _: () = assert!(image_address(1) == LATER_IMAGES);

/// First channel. Channels are packed one after the other, each with an unmapped page behind it.
pub const CHANNELS: u64 = 0x2000_0000;
/// End of the room for channels.
pub const CHANNELS_END: u64 = 0x4000_0000;
/// One past the last address a partition may map. The last page below the hole in the
/// canonical addresses stays out, so that no return address is ever non-canonical.
pub const USER_END: u64 = 0x0000_7fff_ffff_f000;

/// All usable memory as the kernel sees it: physical address plus this. Never executable.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// The kernel's stacks, which the loader maps: below the pages of each is room that is never mapped, so that one that overflows
/// faults. [`kernel_stack`] says where each ends.
pub const KERNEL_STACKS: u64 = 0xffff_ff00_0000_0000;
/// Pages of a processor's stacks: for calls and interrupts, for NMI, double fault, machine check.
pub const KERNEL_STACK_PAGES: [u64; 4] = [4, 2, 2, 2];
/// Where the kernel's image is linked.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
/// Device registers the loader mapped for the kernel (uncached): local APIC, I/O APICs, HPET.
pub const KERNEL_DEVICES: u64 = 0xffff_ffff_c000_0000;

/// An address under each entry of the root table through which the kernel sees anything: memory lies below 1 TiB.
pub const KERNEL_ROOT_ENTRIES: [u64; 4] =
    [DIRECT_MAP, DIRECT_MAP.wrapping_add(1 << 39), KERNEL_STACKS, KERNEL_BASE];
const _: () = assert!(KERNEL_DEVICES >> 39 == KERNEL_BASE >> 39);

/// log2 of the distance between the ends of two of the kernel's stacks.
const KERNEL_STACK_SHIFT: u32 = 15;

/// One past the last address of stack `number` (of [`KERNEL_STACK_PAGES`]) of a processor.
#[must_use]
#[expect(clippy::as_conversions, reason = "widening, in a constant function")]
pub const fn kernel_stack(processor: u16, number: u8) -> u64 {
    let before = (processor as u64).wrapping_mul(4).wrapping_add(number as u64);
    KERNEL_STACKS.wrapping_add(before.wrapping_add(1).wrapping_shl(KERNEL_STACK_SHIFT))
}
