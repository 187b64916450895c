//! Brings the resource manager back: fresh writable memory from the image of its program, then a start that takes up the books.

use crate::choice::Found;
use crate::note::Note;
use abi::boot::LATER_IMAGES;
use abi::call::Error;
use abi::control::{ContextOperation, ContextState, PartitionOperation, first_slot};
use abi::fault::{Reason, reason_name, word};
use abi::image::name_text;
use abi::information::ResourceKind;
use abi::layout;
use abi::manifest::ManifestPartition;
use abi::programs::{Programs, Return};
use abi::rights::{Kind, Rights};
use abi::types::{EventBit, Frame, Nanoseconds, Slot, VirtualAddress};
use boot_image::{Image, Program, ProgramSegment, Window as Addresses};
use program_loader::{Calls, Kernel, Loader, Mapped, Refusal, Values};
use rt::information::{Pages, is_kind};
use rt::{sys, time};

/// There is no program to start.
const BAD: Refusal = Refusal { error: Error::BadArgument, value: 0 };
/// Number of the last image.
const LAST_IMAGE: u8 = 3;
const _: () = assert!(LATER_IMAGES == 3);

/// A slot that nothing else is put into, for what rings the manager.
const BELL: Slot = Slot::new(255);
/// How much time the manager is lent until it has made plans, how long that may take, and how long at a time.
const LENT: [Nanoseconds; 3] = [time::milliseconds(20), time::seconds(1), time::milliseconds(2)];

/// What it takes to bring the resource manager back.
pub struct ManagerRescue {
    partition: Slot,
    context: Slot,
    memory: Slot,
    own: Slot,
    own_context: Slot,
    /// What it said of its programs last.
    told: Programs,
    /// Time of its own running in which it must answer, none where nobody looks.
    limit: Option<Nanoseconds>,
    note: Note,
}

/// The kernel's control call.
pub struct Native;

impl Kernel for Native {
    fn control(
        &mut self,
        capability: Slot,
        operation: u64,
        arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        sys::control(capability, operation, arguments)
            .map_err(|failure| Refusal { error: failure.error, value: failure.value })
    }
}

impl ManagerRescue {
    /// From the capabilities the resource manager gave. Slot 0 stands for one it did not give: every use is refused.
    ///
    /// Looks at nothing that this program wrote: see [`crate::emergency`]. The resource manager may have died while it wrote the pages.
    pub fn find() -> Self {
        let pages = Pages::find().map(Pages::unsettled);
        let find = |wanted| {
            let mut all = pages.into_iter().flat_map(Pages::resources);
            let capability = ResourceKind::Capability;
            all.find(|one| is_kind(one, capability) && name_text(&one.name) == wanted)
        };
        let slot = |wanted| find(wanted).map_or(Slot::new(0), |found| Slot::new(found.slot));
        let limit = find("manager-context").map_or(0, |found| found.length);
        let told = find("manager-context").map_or(0, |found| found.address);
        let header = pages.and_then(|pages| pages.header());
        Self {
            partition: slot("manager-partition"),
            own: slot("self-partition"),
            own_context: slot("self-context"),
            context: slot("manager-context"),
            memory: slot("memory"),
            limit: (limit > 0).then_some(Nanoseconds::new(limit)),
            told: Programs::from_word(told),
            note: Note::of(header.map_or(0, |information| information.lasting)),
        }
    }

    /// Time of its own running in which the resource manager must answer, none where nobody looks.
    pub fn limit(&self) -> Option<Nanoseconds> {
        self.limit
    }

    /// Time that the resource manager has run.
    pub fn used(&self) -> u64 {
        let state = Native.patient(self.context, ContextOperation::State as u64, [0; 4]);
        state.map_or(0, |[_, _, used, _]| used)
    }

    /// Stops a resource manager that hangs, as a fault would.
    pub fn end_hung(&self) {
        let stop = ContextOperation::Stop as u64;
        // One that stopped by itself just now needs no stopping.
        let _ = Native.patient(self.context, stop, [Reason::Hang as u64, 0, 0, 0]);
    }

    /// Whether the resource manager has stopped, or was about to be started by a life of this partition that did not come to it.
    pub fn is_down(&self) -> bool {
        let state = Native.patient(self.context, ContextOperation::State as u64, [0; 4]);
        let down = [ContextState::Faulted as u64, ContextState::Stopped as u64];
        state.is_ok_and(|[state, ..]| down.contains(&state))
    }

    /// Why it stopped.
    pub fn reason(&self) -> &'static str {
        let fault = ContextOperation::Fault as u64;
        let reason = Native.patient(self.context, fault, [word::REASON, 0, 0, 0]);
        reason.map_or("unknown", |[reason, ..]| reason_name(reason))
    }

    /// The image with this number, where this partition sees it.
    pub fn image(&self, number: u8) -> Option<Image<'static>> {
        crate::images::image(number, self.own)
    }

    /// Gives it fresh memory and starts it, with the program that is its turn; which that was.
    pub fn restart(&self, emergency: bool) -> Result<Return, Refusal> {
        let (choice, program) = self.choose(emergency).ok_or(BAD)?;
        self.note.plan(choice);
        self.bring_back(choice, &program).inspect_err(|_| {
            // A version that cannot be started is tried no more.
            if self.told.next == Some(choice.image) && choice.image != self.told.runs {
                self.note.plan(Return { image: self.told.runs, failed: Some(choice.image) });
            }
        })?;
        Ok(choice)
    }

    fn bring_back(&self, choice: Return, program: &Program<'_>) -> Result<(), Refusal> {
        self.reload(program)?;
        Native.patient(self.context, ContextOperation::Renew as u64, [0; 4])?;
        // The capability it had to its own context is stale now.
        let (slot, all) = (first_slot::CONTEXT, Rights::all());
        Native.put(self.partition, slot, self.context, all, Kind::Context, 0)?;
        let stays = self.configure(program.entry(), choice)?;
        self.note.start(choice, time::now());
        Native.patient(self.context, ContextOperation::Start as u64, [0; 4])?;
        if stays { Ok(()) } else { self.lend() }
    }

    /// Whose turn it is, or, where that is not there whole, any that is: the resource manager takes out a program that is not to run, and
    /// may have died while it said so.
    fn choose(&self, emergency: bool) -> Option<(Return, Program<'static>)> {
        let found = self.found();
        let choice = found.choose(emergency);
        let others = [found.told.runs].into_iter().chain(0..=LAST_IMAGE);
        let others = others.map(|image| Return { image, failed: None });
        let mut all = [choice].into_iter().chain(others);
        all.find_map(|one| self.whole(one.image).map(|program| (one, program)))
    }

    /// The resource manager's program in the image with this number, if all of its pages are there, that being exchanged too.
    fn whole(&self, image: u8) -> Option<Program<'static>> {
        let file = self.image(image)?.program(&self.definition(image)?.program)?;
        let program = Program::parse(file, Addresses::PARTITION).ok()?;
        let page = |segment: &ProgramSegment<'_>, page| {
            let address = segment.address().raw().saturating_add(page << abi::types::PAGE_SHIFT);
            self.frame(VirtualAddress::new(address)).is_ok()
        };
        let mut segments = program.segments().iter();
        segments.all(|one| (0..one.pages()).all(|at| page(one, at))).then_some(program)
    }

    /// What the image with this number says of the resource manager, the first of its partitions.
    fn definition(&self, image: u8) -> Option<&'static ManifestPartition> {
        crate::founding::partitions_of(self.image(image)?).first()
    }

    fn found(&self) -> Found {
        let state = Native.patient(self.context, ContextOperation::State as u64, [0; 4]);
        let ended = state.is_ok_and(|[state, ..]| state == ContextState::Faulted as u64);
        let (plan, started) = (self.note.planned(), self.note.started());
        Found { told: self.told, plan, started, ended }
    }

    /// Whether what was started last has taken up the books and said so.
    pub fn says_it_runs(&self) -> bool {
        self.note.started().is_none_or(|last| last.image == self.told.runs)
    }

    /// When a version that was gone over to must answer, and when that was; none where the one that runs has proved itself.
    pub fn trial(&self) -> Option<[Nanoseconds; 2]> {
        let found = self.found();
        let image = found.started.filter(|_| found.is_trial() && found.plan.is_none())?.image;
        let up = time::milliseconds(self.definition(image)?.up_within.into());
        let since = self.note.since();
        Some([Nanoseconds::new(since.saturating_add(up.raw())), Nanoseconds::new(since)])
    }

    /// Sets it to its start where it was, or, where that processor failed, here; whether it is where it was.
    fn configure(&self, entry: VirtualAddress, choice: Return) -> Result<bool, Refusal> {
        let home = |context| Native.patient(context, ContextOperation::State as u64, [0; 4]);
        let [_, there, ..] = home(self.context)?;
        let on = |processor| {
            let arguments = [entry.raw(), layout::STACK_TOP, processor, choice.argument()];
            Native.patient(self.context, ContextOperation::Configure as u64, arguments)
        };
        match on(there) {
            Err(Refusal { error: Error::BadArgument, value: 5 }) => {
                // Stale in an emergency life that interrupts this partition's own restart: so it is asked only here.
                let [_, here, ..] = home(self.own_context)?;
                on(here).map(|_| false)
            }
            answer => answer.map(|_| true),
        }
    }

    /// Here it has no place in a plan, until it has made one: whoever waits for it in a call lends it the own time.
    fn lend(&self) -> Result<(), Refusal> {
        let bit = EventBit::PEER.index().into();
        Native.put(self.own, BELL, self.context, Rights::USE, Kind::Doorbell, bit)?;
        let end = time::after(LENT[1]);
        while time::now() < end {
            // Nothing but the deadline ends it.
            let _ = sys::call(BELL, 0, time::after(LENT[2]));
            let state = Native.patient(self.context, ContextOperation::State as u64, [0; 4]);
            if state.is_ok_and(|[_, _, used, _]| used >= LENT[0].raw()) {
                break;
            }
        }
        Ok(())
    }

    /// Fills its writable pages again, each in the frame in which it lies; first of all the one that a former life did not finish.
    fn reload(&self, program: &Program<'_>) -> Result<(), Refusal> {
        let unfinished = self.note.address();
        self.reload_pages(program, |address| Some(address) == unfinished)?;
        self.reload_pages(program, |_| true)
    }

    fn reload_pages(
        &self,
        program: &Program<'_>,
        wanted: impl Fn(VirtualAddress) -> bool,
    ) -> Result<(), Refusal> {
        for segment in program.segments().iter().filter(|segment| segment.is_writable()) {
            for page in 0..segment.pages() {
                let address = segment.address().raw() + (page << abi::types::PAGE_SHIFT);
                let address = VirtualAddress::new(address);
                if wanted(address) {
                    self.refill(segment, page, address)?;
                }
            }
        }
        Ok(())
    }

    fn refill(
        &self,
        segment: &ProgramSegment<'_>,
        page: u64,
        address: VirtualAddress,
    ) -> Result<(), Refusal> {
        let frame = self.frame(address)?;
        self.note.write(address, frame);
        let (mut kernel, mut window) = (Native, Mapped::new());
        let mut loader =
            Loader { kernel: &mut kernel, window: &mut window, memory: self.memory, own: self.own };
        loader.refill(segment, page, self.partition, frame)
    }

    /// The frame in which the resource manager sees this page, or saw it before an exchange that was broken off.
    fn frame(&self, address: VirtualAddress) -> Result<Frame, Refusal> {
        let translate = PartitionOperation::Translate;
        match Native.partition(self.partition, translate, [address.raw(), 0, 0, 0]) {
            Ok([frame, ..]) => Ok(Frame::new(frame)),
            Err(refusal) if refusal.error == Error::NotMapped => {
                self.note.read(address).ok_or(refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }
}
