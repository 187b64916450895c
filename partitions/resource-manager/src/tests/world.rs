//! The manager on the real kernel's logic, in a machine of vectors.

pub use super::image::{image, index};
use super::image::{image_of, manifest};
use super::machine::{FRAMES, TestMachine, information};
use super::told::told_as_in_the_books;
use crate::dog::WATCHED;
use crate::editions::{Edition, Later};
use crate::manager::{Facts, Machine, Manager, Rooms};
use crate::manifest::{BadManifest, Manifest};
use crate::picture::ROOM;
use crate::setup::{Early, capacity, describe, facts, pages};
use abi::boot::BootInformation;
use abi::call::{Call, PortOperation};
use abi::control::{Access, PartitionOperation, first_slot};
use abi::layout;
use abi::manifest::{ManifestHeader, ManifestPartition};
use abi::message::resource::{Index, Maker};
use abi::programs::Return;
use abi::types::{PAGE_SIZE, Slot, VirtualAddress};
use boot_image::Image;
use kernel_core::FaultRecord;
use program_loader::{Kernel, Refusal, Values, Window};
use resource_db::{Books, bytes_needed};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use zerocopy::{FromBytes, IntoBytes};

/// Where the manager has mapped the books; they are read and written elsewhere.
const BOOKS: u64 = layout::LASTING;

/// What the kernel says of an end of the manager that is its own.
const END: &str = "the first partition: ";

/// With what the manager unwinds when it dies.
pub const DEATH: &str = "the manager dies";

/// What the fakes share.
pub struct Shared {
    pub machine: TestMachine,
    /// Frame of the manager's context.
    context: u64,
    /// Control calls until the manager dies in the next one.
    pub dies_after: Cell<Option<u32>>,
    pub said: RefCell<String>,
    pub rung: RefCell<Vec<u16>>,
    pub pci: Pci,
}

/// Configuration space: the words of each function, and the address written last.
#[derive(Default)]
pub struct Pci {
    pub functions: RefCell<BTreeMap<u32, [u32; 64]>>,
    pub chosen: Cell<u32>,
}

impl Shared {
    /// Frame of the manager's context.
    pub fn own_context(&self) -> u64 {
        self.context
    }
}

#[derive(Clone)]
pub struct Fake(pub Rc<Shared>);

impl Kernel for Fake {
    fn control(
        &mut self,
        slot: Slot,
        operation: u64,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        match self.0.dies_after.get() {
            Some(0) => std::panic::resume_unwind(Box::new(DEATH)),
            Some(left) => self.0.dies_after.set(Some(left - 1)),
            None => {}
        }
        assert_eq!(self.0.machine.running(0), Some(self.0.context), "the manager runs");
        let answer = self.0.machine.control(slot.raw().into(), operation, arguments);
        answer.map_err(|(error, value)| Refusal { error, value })
    }

    fn pause(&mut self) {
        self.0.machine.settle();
    }
}

impl Machine for Fake {
    fn ring(&mut self, doorbell: Slot) {
        self.0.rung.borrow_mut().push(doorbell.raw());
    }
    fn processors(&self) -> u16 {
        2
    }
    fn now(&self) -> u64 {
        self.0.machine.time()
    }
    fn sleep_until(&mut self, deadline: u64) {
        let machine = &self.0.machine;
        machine.begin(0, Call::Wait as u64, [0, deadline, 0, 0, 0, 0]);
        machine.run_until(deadline);
        // Its only slot may just be over, and a frame be 16 ms.
        for _ in 0..200 {
            if machine.running(0) == Some(self.0.context) {
                return;
            }
            machine.run_until(machine.time() + 100_000);
        }
        panic!("the manager never runs again");
    }
    fn say(&mut self, line: &[u8]) {
        self.0.said.borrow_mut().push_str(&String::from_utf8_lossy(line));
    }
    fn port(&mut self, operation: PortOperation, port: u16, value: u32) -> u32 {
        let chosen = &self.0.pci.chosen;
        match (operation, port) {
            (PortOperation::Out32, 0xcf8) => {
                chosen.set(value);
                0
            }
            (PortOperation::In32, 0xcfc) => {
                let functions = self.0.pci.functions.borrow();
                let function = functions.get(&(chosen.get() >> 8 & 0xffff));
                function.map_or(u32::MAX, |words| words[chosen.get() as usize >> 2 & 63])
            }
            _ => u32::MAX,
        }
    }
}

/// The window: writes go where the manager has mapped something.
pub struct FakeWindow(Rc<Shared>);

impl FakeWindow {
    /// Frame and word of a byte of the window.
    fn place(&self, offset: u64) -> (u64, usize) {
        let translate = PartitionOperation::Translate as u64;
        let page = layout::WINDOW + (offset & !(PAGE_SIZE - 1));
        let own = first_slot::PARTITION.raw().into();
        let [frame, access, ..] =
            self.0.machine.control(own, translate, [page, 0, 0, 0]).expect("mapped in the window");
        assert!(Access::from_bits_truncate(access).contains(Access::WRITE));
        (frame, (offset % PAGE_SIZE / 8) as usize)
    }
}

impl Window for FakeWindow {
    fn address(&self) -> VirtualAddress {
        VirtualAddress::new(layout::WINDOW)
    }
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (at, byte) in (offset..).zip(bytes) {
            let (frame, word) = self.place(at);
            let word = self.0.machine.word(frame, word);
            let mut all = word.load(Ordering::Relaxed).to_le_bytes();
            all[(at % 8) as usize] = *byte;
            word.store(u64::from_le_bytes(all), Ordering::Relaxed);
        }
    }
    fn load(&self, offset: u64) -> u64 {
        let (frame, word) = self.place(offset);
        self.0.machine.word(frame, word).load(Ordering::Relaxed)
    }
    fn store(&mut self, offset: u64, word: u64) {
        let (frame, at) = self.place(offset);
        self.0.machine.word(frame, at).store(word, Ordering::Relaxed);
    }
}

pub type TestManager = Manager<'static, Fake, FakeWindow>;

/// A machine, its image and the memory of the books, which outlive a manager.
pub struct World {
    pub shared: Rc<Shared>,
    image: &'static [u8],
    books: *mut [u8],
    facts: Facts,
    boot: &'static BootInformation,
    /// Images beside the boot image.
    pub later: Later<'static>,
    /// With which program the manager is brought back.
    pub own: Return,
}

impl World {
    /// A machine in which everything of [`manifest`] was created and started.
    pub fn new() -> (Self, TestManager) {
        Self::made(Self::unmade())
    }

    /// The same, each definition changed.
    pub fn with(change: impl Fn(u32, &mut ManifestPartition)) -> (Self, TestManager) {
        Self::made(Self::unmade_with(change))
    }

    /// A machine just before anything is created, each definition changed.
    pub fn unmade_with(change: impl Fn(u32, &mut ManifestPartition)) -> (Self, TestManager) {
        let mut manifest = manifest();
        let (header, rest) = ManifestHeader::mut_from_prefix(&mut manifest).expect("a header");
        let count = header.partitions as usize;
        let (partitions, _) =
            <[ManifestPartition]>::mut_from_prefix_with_elems(rest, count).expect("partitions");
        (0..).zip(partitions).for_each(|(index, definition)| change(index, definition));
        Self::of(image_of(manifest)).expect("a manifest")
    }

    /// The same of a machine just before anything is created.
    pub fn made((world, mut manager): (Self, TestManager)) -> (Self, TestManager) {
        manager.create_all().expect("created");
        make_rest(&mut manager);
        while manager.replan() || manager.slots_due && !manager.settle_slots() {
            let next = manager.machine.now() + 1_000_000;
            manager.machine.sleep_until(next);
        }
        (world, manager)
    }

    /// A machine just before anything is created.
    pub fn unmade() -> (Self, TestManager) {
        Self::of(image()).expect("a manifest")
    }

    /// The same with an image of one's own.
    pub fn of(image: Vec<u8>) -> Result<(Self, TestManager), BadManifest> {
        let image: &[u8] = Box::leak(image.into_boxed_slice());
        let manifest = Manifest::parse(Image::parse(image).expect("an image").manifest())?;
        let machine = TestMachine::booted(2);
        let context = machine.running(0).expect("the first partition runs");
        let shared = Rc::new(Shared {
            machine,
            context,
            dies_after: Cell::new(None),
            said: RefCell::default(),
            rung: RefCell::default(),
            pci: Pci::default(),
        });
        let boot: &'static BootInformation = Box::leak(Box::new(BootInformation {
            boot_image: abi::boot::FrameRange { start: abi::types::Frame::new(44), count: 4 },
            ..information()
        }));
        let mut fake = Fake(shared.clone());
        let facts = facts(&mut fake, boot).expect("facts");
        let capacity = capacity(&manifest, FRAMES, 2);
        let bytes = bytes_needed(capacity).expect("fits");
        let words = vec![0_u64; bytes.div_ceil(8)];
        let books = &mut Box::leak(words.into_boxed_slice()).as_mut_bytes()[..bytes];
        let mut early = Early::new(boot);
        early.map(&mut fake, layout::BOOT_IMAGE, boot.boot_image, Access::empty()).expect("mapped");
        let own = early.own(&mut fake, BOOKS, pages(bytes)).expect("owned");
        let books = std::ptr::from_mut(books);
        let mut world = Self {
            shared,
            image,
            books,
            facts,
            boot,
            later: Later::default(),
            own: Return::default(),
        };
        let mut opened = Books::create(world.memory(), own.start, capacity).expect("books");
        describe(&mut opened, world.boot, &early);
        let manager = world.manager(opened);
        Ok((world, manager))
    }

    #[expect(unsafe_code, reason = "memory that outlives its manager, as on the machine")]
    fn memory(&mut self) -> &'static mut [u8] {
        // SAFETY: leaked, and every manager before was dropped or is not used any more.
        unsafe { &mut *self.books }
    }

    fn manager(&self, books: Books<'static>) -> TestManager {
        let image = Image::parse(self.image).expect("an image");
        let manifest = Manifest::parse(image.manifest()).expect("a manifest");
        let machine = (Fake(self.shared.clone()), FakeWindow(self.shared.clone()));
        let rooms = Rooms { trace: vec![None; ROOM].leak(), signs: vec![None; WATCHED].leak() };
        let mut manager = Manager::new(machine, books, (image, manifest), self.facts, rooms);
        (manager.later, manager.own) = (self.later, self.own);
        manager
    }

    /// The manager died: another one takes up the books.
    pub fn recovered(&mut self) -> TestManager {
        self.shared.dies_after.set(None);
        let mut manager = self.successor();
        manager.recover().expect("recovered");
        manager
    }

    /// Puts an image beside the boot image, as a loader that checked it would have; it gets the next number.
    pub fn add_later(&mut self, manager: &mut TestManager, image: Vec<u8>) {
        let image = Image::parse(Box::leak(image.into_boxed_slice())).expect("an image");
        let manifest = Manifest::parse(image.manifest()).expect("a manifest");
        let place = self.later.iter_mut().find(|place| place.is_none()).expect("room");
        *place = Some(Edition { image, manifest });
        manager.later = self.later;
    }

    /// The manager after one that died, before it recovers.
    pub fn successor(&mut self) -> TestManager {
        let books = Books::open(self.memory()).expect("books");
        self.manager(books)
    }

    /// Has the manager fault; whether that is the kernel's end.
    pub fn ends_with_its_manager(&self) -> bool {
        let record = FaultRecord { reason: 14, code: 4, address: 0 };
        let fault = AssertUnwindSafe(|| self.shared.machine.fault_on(0, record));
        let end = catch_unwind(fault);
        end.is_err_and(|why| why.downcast_ref::<String>().is_some_and(|why| why.starts_with(END)))
    }

    /// Frames free in the kernel's ledger.
    pub fn free(&self) -> u64 {
        let free = |word: &&u64| **word & 0xf == abi::control::FrameUse::Free as u64;
        self.shared.machine.ledger_words().iter().filter(free).count() as u64
    }

    /// Ledger and books agree, everybody reads of itself what they say, and the kernel finds nothing wrong.
    pub fn check(&self, manager: &TestManager) {
        assert_eq!(self.shared.machine.audit(), None);
        assert_eq!(self.free(), manager.books.available());
        told_as_in_the_books(self, manager);
    }

    pub fn said(&self) -> String {
        self.shared.said.take()
    }
}

/// Has all of the manifest made and started, as boot partition and command partition do, from wherever the making is.
pub fn make_rest(manager: &mut TestManager) {
    while manager.maker() != Maker::Nobody {
        let all = (1..).take(manager.manifest.partitions.len() - 1);
        let infrastructure = [index::COMMAND];
        let boot = manager.maker() == Maker::Boot;
        let wanted = all.filter(|index| !boot || infrastructure.contains(index));
        for index in wanted.clone() {
            // What cannot be made or started is told.
            let _ = manager.make_asked(Index { index });
        }
        for index in wanted {
            let _ = manager.start_asked(Index { index });
        }
        manager.hand_over().expect("handed over");
    }
}
