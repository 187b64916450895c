//! The steps that every door takes after it has found its image.

use crate::console::Console;
use crate::key::public_key;
use crate::machine::{enter, legacy, memory::Identity, processor};
use abi::image::name_text;
use abi::nodes::NodeSource;
use abi::types::{PAGE_SIZE, PhysicalAddress};
use boot_image::Image;
use core::fmt::Write;
use core::panic::PanicInfo;
use loader_core::{Handover, LaterImages, Offer, Refusal, prepare};

/// Checks an image and every program in it.
///
/// # Errors
/// [`Refusal`] that names what is wrong.
pub fn check_image(bytes: &[u8]) -> Result<Image<'_>, Refusal> {
    loader_core::check_image(bytes, public_key().as_ref())
}

/// Takes in the images at the start of a module; one that is bad is left out, which is said.
pub fn add_later<'a>(
    later: &mut LaterImages<'a>,
    bytes: &'a [u8],
    address: PhysicalAddress,
    console: &mut Console,
) {
    if let Err(refusal) = later.add(bytes, address, public_key().as_ref()) {
        leave_out(console, &refusal);
    }
}

/// Says why a later image is left out.
pub fn leave_out(console: &mut Console, why: &Refusal) {
    let _ = writeln!(console, "bulkhead: a later image is left out: {why}");
}

/// What follows the image in the module that it was read from, and where that lies.
#[must_use]
pub fn behind<'a>(
    image: &Image<'_>,
    bytes: &'a [u8],
    address: PhysicalAddress,
) -> (&'a [u8], PhysicalAddress) {
    let length = usize::try_from(image.length()).unwrap_or(usize::MAX);
    let address = PhysicalAddress::new(address.raw().saturating_add(image.length()));
    (bytes.get(length..).unwrap_or_default(), address)
}

/// Prepares everything and enters the kernel; returns only if that is not possible.
///
/// # Errors
/// [`Refusal`].
pub fn start(
    offer: Offer<'_>,
    memory: &mut Identity,
    console: &mut Console,
) -> Result<core::convert::Infallible, Refusal> {
    let (image, later) = (*offer.image, offer.later.clone());
    let handover = prepare(offer, memory)?;
    // Words are a courtesy: a machine without any place for them starts as well.
    let _ = announce(console, &image, &handover);
    for (one, there) in later.iter().zip(handover.later) {
        let why = if there { "" } else { " is left out: it does not lie in free memory" };
        let _ = writeln!(console, "bulkhead: later image '{}'{why}", name_text(one.image.name()));
    }
    legacy::silence();
    processor::enable_no_execute();
    enter::kernel(&handover, memory)
}

fn announce(console: &mut Console, image: &Image<'_>, handover: &Handover) -> core::fmt::Result {
    let megabytes = handover.memory.saturating_mul(PAGE_SIZE) >> 20;
    let signed = if public_key().is_some() { ", signature good" } else { "" };
    writeln!(
        console,
        "bulkhead: image '{}'{signed}, {} files, {megabytes} MiB, processors: {}",
        name_text(image.name()),
        image.entries().count(),
        handover.processors
    )?;
    match handover.node_source {
        NodeSource::Untold => {}
        NodeSource::Told if handover.nodes < 2 => {}
        NodeSource::Told => writeln!(console, "bulkhead: {} nodes", handover.nodes)?,
        why => writeln!(console, "bulkhead: taken for one node: {}", why.words())?,
    }
    if handover.lost > 0 {
        writeln!(console, "bulkhead: {} pages left out: memory too scattered", handover.lost)?;
    }
    Ok(())
}

/// Says why the machine does not start, and halts.
pub fn refuse(console: &mut Console, refusal: &Refusal) -> ! {
    let _ = writeln!(console, "bulkhead: cannot start: {refusal}");
    processor::halt()
}

/// Says where the loader itself failed, and halts.
pub fn failed(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console::last(), "bulkhead: the loader failed: {info}");
    processor::halt()
}
