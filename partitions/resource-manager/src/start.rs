//! From the loader's hand-over, or from the books, to a manager that can serve.

use super::native::Native;
use super::views;
use abi::boot::BootInformation;
use abi::control::Access;
use abi::layout;
use abi::message::transaction::OwnWork;
use abi::programs::Return;
use abi::types::PAGE_SIZE;
use boot_image::Image;
use program_loader::Mapped;
use resource_db::{Books, OpenError, bytes_needed};
use resource_manager::dog::{Sign, WATCHED};
use resource_manager::editions::{Edition, Later};
use resource_manager::manager::{Facts, Machine as _, Manager, Rooms};
use resource_manager::manifest::Manifest;
use resource_manager::picture::{ROOM, Record};
use resource_manager::setup::{Early, capacity, describe, facts, pages};
use resource_manager::trouble::Trouble;
use rt::entry::Room;

/// The manager of this machine.
pub type TheManager = Manager<'static, Native, Mapped>;

/// Room for the picture of the trace.
static TRACE: Room<Record, ROOM> = Room::new();
/// Room for what the watchdog sees.
static SIGNS: Room<Sign, WATCHED> = Room::new();

/// Why the manager cannot start.
pub enum Failure {
    /// In words.
    Text(&'static str),
    /// Kernel or books refused.
    Trouble(Trouble),
    /// The boot image is bad.
    Image(boot_image::ImageError),
    /// The manifest is bad.
    Manifest(resource_manager::manifest::BadManifest),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Trouble(trouble) => trouble.fmt(f),
            Self::Image(error) => error.fmt(f),
            Self::Manifest(error) => error.fmt(f),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Sets the manager up in its place, for it is large: anew, or from the books.
///
/// # Errors
/// Why there is none.
#[inline(never)]
pub fn set_up<'p>(
    machine: &mut Native,
    again: Option<Return>,
    place: &'p mut Option<TheManager>,
) -> Result<&'p mut TheManager, Failure> {
    let recover = again.is_some();
    let boot = views::boot_information().ok_or(Failure::Text("there is no boot information"))?;
    let mut early = Early::new(boot);
    let facts = facts(machine, boot)?;
    if !recover {
        early.map(machine, layout::BOOT_IMAGE, boot.boot_image, Access::empty())?;
        for (number, one) in (1..).zip(&boot.later).filter(|(_, one)| one.length > 0) {
            early.map(machine, layout::image_address(number), one.frames, Access::empty())?;
        }
    }
    let (image, manifest) = read_image(boot)?;
    let books = if recover {
        open_books(machine, &manifest, boot)?
    } else {
        new_books(machine, &manifest, boot, &mut early)?
    };
    let manager = place.insert(manager(books, image, manifest, read_later(boot), facts));
    manager.own = again.unwrap_or_default();
    let now = manager.machine.now();
    manager.own_work(if recover { OwnWork::Return } else { OwnWork::FirstStart }, now);
    if recover {
        manager.recover()?;
    } else {
        manager.create_all()?;
    }
    Ok(manager)
}

fn manager(
    books: Books<'static>,
    image: Image<'static>,
    manifest: Manifest<'static>,
    later: Later<'static>,
    facts: Facts,
) -> TheManager {
    let rooms = Rooms { trace: TRACE.give(), signs: SIGNS.give() };
    let machine = (Native::new(), Mapped::new());
    let mut manager = Manager::new(machine, books, (image, manifest), facts, rooms);
    manager.later = later;
    manager
}

fn read_image(boot: &BootInformation) -> Result<(Image<'static>, Manifest<'static>), Failure> {
    let bytes = views::boot_image(boot.boot_image_length);
    let image = Image::parse(bytes).map_err(Failure::Image)?;
    let manifest = Manifest::parse(image.manifest()).map_err(Failure::Manifest)?;
    Ok((image, manifest))
}

/// The images beside the boot image. One without a manifest that can be read is none.
fn read_later(boot: &BootInformation) -> Later<'static> {
    let mut later = Later::default();
    for ((place, one), number) in later.iter_mut().zip(&boot.later).zip(1..) {
        if one.length > 0 {
            let image = Image::parse(views::later_image(number, one.length)).ok();
            *place = image.and_then(|image| {
                Some(Edition { image, manifest: Manifest::parse(image.manifest()).ok()? })
            });
        }
    }
    later
}

fn new_books(
    machine: &mut Native,
    manifest: &Manifest<'_>,
    boot: &BootInformation,
    early: &mut Early,
) -> Result<Books<'static>, Failure> {
    let capacity = capacity(manifest, boot.frames, machine.processors());
    let length = bytes_needed(capacity).ok_or(Failure::Text("memory is too large"))?;
    let frames = early.own(machine, books_address(manifest), pages(length))?;
    let bad = |_| Failure::Text("the books do not fit");
    let memory =
        views::books(books_address(manifest), length).ok_or(Failure::Text("the books are open"))?;
    let mut books = Books::create(memory, frames.start, capacity).map_err(bad)?;
    describe(&mut books, boot, early);
    Ok(books)
}

/// Where the books lie: behind the lasting memory that the loader may have given.
fn books_address(manifest: &Manifest<'_>) -> u64 {
    let pages = manifest.partitions.first().map_or(0, |manager| u64::from(manager.lasting));
    layout::LASTING + pages * PAGE_SIZE
}

fn open_books(
    machine: &Native,
    manifest: &Manifest<'_>,
    boot: &BootInformation,
) -> Result<Books<'static>, Failure> {
    let length = bytes_needed(capacity(manifest, boot.frames, machine.processors()));
    let length = length.ok_or(Failure::Text("memory is too large"))?;
    let memory =
        views::books(books_address(manifest), length).ok_or(Failure::Text("the books are open"))?;
    Books::open(memory).map_err(|error| {
        Failure::Text(match error {
            OpenError::OtherVersion => "the books are of another version than this program reads",
            OpenError::NoBooks | OpenError::TooSmall => "there are no books",
        })
    })
}
