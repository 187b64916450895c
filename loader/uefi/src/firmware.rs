//! Everything that is asked of the firmware.
#![expect(unsafe_code, reason = "memory and protocols of the firmware")]

use abi::boot::Framebuffer;
use abi::types::{PAGE_SIZE, PhysicalAddress};
use core::slice::from_raw_parts_mut;
use loader_core::{CommandLine, Refusal, Rsdp};
use uefi::boot::{
    self, AllocateType, MemoryType, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol,
};
use uefi::proto::console::gop::{GraphicsOutput, PixelFormat};
use uefi::proto::loaded_image::LoadedImage;
use uefi::proto::media::file::{File, FileAttribute, FileMode, RegularFile};
use uefi::table::cfg::ConfigTableEntry;
use uefi::{CStr16, cstr16};

/// Where the boot image is on the loader's own volume.
const PATH: &CStr16 = cstr16!("\\bulkhead\\boot.img");
/// Where images to upgrade from are, behind each other in one file.
const NEXT: &CStr16 = cstr16!("\\bulkhead\\next.img");
/// What to do without it.
const MISSING: Refusal = Refusal::NoImage("put it on the loader's volume as \\bulkhead\\boot.img");

/// The firmware must not reset the machine for taking long.
pub fn stop_watchdog() {
    // A firmware without a watchdog says so; that is as good.
    let _ = boot::set_watchdog_timer(0, 0x1_0000, None);
}

/// Reads the boot image into pages of its own, padded with zeroes.
///
/// # Errors
/// [`Refusal::NoImage`] or [`Refusal::Memory`].
pub fn read_image() -> Result<&'static [u8], Refusal> {
    read_file(open(PATH).ok_or(MISSING)?)
}

/// Reads the images to upgrade from, where there are any.
///
/// # Errors
/// As [`read_image`].
pub fn read_next() -> Result<Option<&'static [u8]>, Refusal> {
    let unread = |_| Refusal::Later("\\bulkhead\\next.img cannot be read, or finds no memory");
    open(NEXT).map(|file| read_file(file).map_err(unread)).transpose()
}

/// Reads a file into pages of its own, padded with zeroes.
fn read_file(mut file: RegularFile) -> Result<&'static [u8], Refusal> {
    // The end is found by going there: asking for the size would need memory for the file's name.
    file.set_position(RegularFile::END_OF_FILE).map_err(|_| MISSING)?;
    let length = file.get_position().map_err(|_| MISSING)?;
    file.set_position(0).map_err(|_| MISSING)?;
    let buffer =
        pages(length.div_ceil(PAGE_SIZE).max(1)).ok_or(Refusal::Memory("the boot image"))?;
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(_) => return Err(Refusal::NoImage("the volume cannot be read")),
        }
    }
    Ok(buffer)
}

fn open(path: &CStr16) -> Option<RegularFile> {
    let mut volume = boot::get_image_file_system(boot::image_handle()).ok()?;
    let mut folder = volume.open_volume().ok()?;
    let file = folder.open(path, FileMode::Read, FileAttribute::empty()).ok()?;
    file.into_regular_file()
}

/// Zeroed pages that stay allocated.
fn pages(count: u64) -> Option<&'static mut [u8]> {
    let count = usize::try_from(count).ok()?;
    let length = count.checked_mul(usize::try_from(PAGE_SIZE).ok()?)?;
    let start =
        boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, count).ok()?;
    // SAFETY: the firmware has just given these pages to us and to nobody else.
    unsafe { start.write_bytes(0, length) };
    // SAFETY: as above; they are initialised now and never freed.
    Some(unsafe { from_raw_parts_mut(start.as_ptr(), length) })
}

/// The root pointer of ACPI 2, else of ACPI 1.
pub fn rsdp() -> Rsdp {
    let address = uefi::system::with_config_table(|entries| {
        [ConfigTableEntry::ACPI2_GUID, ConfigTableEntry::ACPI_GUID]
            .into_iter()
            .find_map(|guid| entries.iter().find(|entry| entry.guid == guid))
            .and_then(|entry| u64::try_from(entry.address.addr()).ok())
    });
    address.map_or(Rsdp::Search, |address| Rsdp::At(PhysicalAddress::new(address)))
}

/// The load options: what a boot entry or the shell gives.
pub fn command_line() -> CommandLine {
    let mut line = [0; 256];
    if let Ok(image) = boot::open_protocol_exclusive::<LoadedImage>(boot::image_handle())
        && let Ok(options) = image.load_options_as_cstr16()
    {
        for (to, from) in line.iter_mut().zip(options.iter()) {
            *to = u8::try_from(u16::from(*from)).unwrap_or(b'?');
        }
    }
    CommandLine::new(&line)
}

/// The screen as the firmware has set it up.
pub fn framebuffer() -> Framebuffer {
    open_screen().and_then(|mut screen| describe(&mut screen)).unwrap_or_default()
}

fn open_screen() -> Option<ScopedProtocol<GraphicsOutput>> {
    let handle = boot::get_handle_for_protocol::<GraphicsOutput>().ok()?;
    let parameters = OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
    // SAFETY: only its description is read. Opening it exclusively would take the screen from the firmware's console.
    unsafe { boot::open_protocol(parameters, OpenProtocolAttributes::GetProtocol) }.ok()
}

fn describe(screen: &mut GraphicsOutput) -> Option<Framebuffer> {
    let mode = screen.current_mode_info();
    if !matches!(mode.pixel_format(), PixelFormat::Rgb | PixelFormat::Bgr) {
        return None;
    }
    let (width, height) = mode.resolution();
    let address = u64::try_from(screen.frame_buffer().as_mut_ptr().addr()).ok()?;
    Some(Framebuffer {
        address: PhysicalAddress::new(address),
        pitch: u32::try_from(mode.stride().checked_mul(4)?).ok()?,
        width: u32::try_from(width).ok()?,
        height: u32::try_from(height).ok()?,
        depth: 32,
    })
}
