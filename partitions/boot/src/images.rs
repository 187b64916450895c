//! The images in this address space: the one that was booted, and those beside it.

use crate::manager::Native;
use abi::control::PartitionOperation;
use abi::image::ImageHeader;
use abi::layout::image_address;
use abi::types::{PAGE_SIZE, Slot};
use boot_image::Image;
use program_loader::Calls;
use zerocopy::FromBytes;

/// The image with this number, where this partition, which is in the slot `own`, sees it.
pub fn image(number: u8, own: Slot) -> Option<Image<'static>> {
    let start = image_address(number.into());
    if !is_mapped(own, start) {
        return None;
    }
    let (header, _) = ImageHeader::ref_from_prefix(view::bytes(start, PAGE_SIZE)).ok()?;
    let length = header.length;
    let end = image_address(u64::from(number).wrapping_add(1)).wrapping_sub(start);
    let last = start.checked_add(length)?.checked_sub(1)?;
    // All of it was made seen at once, whole pages of it.
    if length > end || !is_mapped(own, last) {
        return None;
    }
    Image::parse(view::bytes(start, length)).ok()
}

fn is_mapped(own: Slot, address: u64) -> bool {
    let page = address & !PAGE_SIZE.wrapping_sub(1);
    Native.partition(own, PartitionOperation::Translate, [page, 0, 0, 0]).is_ok()
}

mod view {
    //! Bytes that are mapped.
    #![expect(unsafe_code, reason = "turns a mapped address into a slice")]

    /// `length` bytes at `start`, of an image.
    pub(super) fn bytes(start: u64, length: u64) -> &'static [u8] {
        let start = core::ptr::with_exposed_provenance(usize::try_from(start).unwrap_or(0));
        // SAFETY: the caller saw that the resource manager has mapped them, read-only; it does so once, and nobody writes to them.
        unsafe { core::slice::from_raw_parts(start, usize::try_from(length).unwrap_or(0)) }
    }
}
