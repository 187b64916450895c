//! A machine over vectors, and a hand that drives it: time, interrupts between processors and calls happen when the test says so.

// Named, for other tests include this file from elsewhere.
#[path = "hand_over.rs"]
mod hand_over;

use abi::call::{Call, Error, PortOperation};
use abi::types::{Frame, Nanoseconds, PhysicalAddress, ProcessorId, VirtualAddress};
pub use hand_over::information;
use hand_over::quick;
use kernel_core::context::{Context, register, restore};
use kernel_core::interrupt::Kernel;
use kernel_core::machine::{Machine, Object};
use kernel_core::processor::Processor;
use kernel_core::{FaultRecord, Here, Next, QUICK_CALLS, boot};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use zerocopy::FromZeros;

pub const FRAMES: u64 = 1024;
/// First frame that is free after boot.
pub const FREE: u64 = 64;
pub const SLOT: u64 = 1_000_000;
const PAGE_TABLES: u64 = 60;
/// Frame of the time page.
pub const TIME: u64 = 59;
/// The one line that does not stay up until it is served.
pub const EDGE_LINE: u32 = 5;

#[repr(C, align(4096))]
struct Page([AtomicU64; 512]);

/// What a processor has of its own beside the kernel's record of it.
#[derive(Default)]
struct Own {
    timer: Cell<Option<u64>>,
    root: Cell<u64>,
    /// Times that an address space was loaded, and all that was remembered of one was forgotten.
    loads: Cell<u64>,
    running: Cell<Option<Frame>>,
}

pub struct TestMachine {
    memory: Vec<Page>,
    ledger: Vec<AtomicU64>,
    processors: Vec<Box<Processor>>,
    own: Vec<Own>,
    kernel: Kernel,
    here: Cell<u16>,
    time: Cell<u64>,
    locked: Cell<bool>,
    pub nudged: RefCell<Vec<u16>>,
    pub halted: RefCell<Vec<u16>>,
    /// Processors that do nothing any more, one bit each.
    pub dead: Cell<u64>,
    pub written: RefCell<Vec<u8>>,
    pub lines: RefCell<Vec<(&'static str, u32)>>,
    pub flushed: RefCell<Vec<u64>>,
    pub ports: RefCell<Vec<(u16, u32)>>,
    pub resets: Cell<u32>,
    /// How often an object, or the ledger, was looked at.
    pub looks: Cell<u64>,
    /// How many frames were filled with zeros.
    pub zeros: Cell<u64>,
    /// What another processor does as soon as the control lock is free.
    pub unlocked: Cell<Option<fn(&Self)>>,
    /// What happens once more while the control lock is waited for.
    pub waited_for: Cell<Option<fn(&Self)>>,
    /// Whether another processor holds the control lock.
    pub busy: Cell<bool>,
    /// Bytes that the debug port takes at once.
    pub room: Cell<usize>,
    /// Whether each halt after the timer's interrupt is checked by a decision made anew.
    pub thorough: Cell<bool>,
    /// Root of what partitions see of the kernel, where page tables are isolated.
    pub outside: Cell<Option<u64>>,
}

#[expect(unsafe_code, reason = "objects in raw memory, as in the kernel itself")]
mod raw {
    use super::Page;
    use kernel_core::machine::Object;
    use kernel_core::processor::Processor;

    pub fn view<T: Object>(page: &Page) -> &T {
        // SAFETY: an object is 4096 bytes of atomics, for which any bytes are valid; the page is as large and aligned.
        unsafe { &*std::ptr::from_ref(page).cast::<T>() }
    }

    pub fn processor() -> Box<Processor> {
        // SAFETY: a processor consists of atomic words alone; zero is valid for them.
        unsafe { Box::<Processor>::new_zeroed().assume_init() }
    }
}

impl Machine for TestMachine {
    fn object<T: Object>(&self, frame: Frame) -> &T {
        self.looks.set(self.looks.get() + 1);
        raw::view(&self.memory[frame.raw() as usize])
    }
    fn ledger(&self) -> &[AtomicU64] {
        self.looks.set(self.looks.get() + 1);
        &self.ledger
    }
    fn zero(&self, frame: Frame) {
        self.zeros.set(self.zeros.get() + 1);
        self.memory[frame.raw() as usize]
            .0
            .iter()
            .for_each(|word| word.store(0, Ordering::Relaxed));
    }
    fn processor(&self, id: ProcessorId) -> Option<&Processor> {
        self.processors.get(usize::from(id.raw())).map(|processor| &**processor)
    }
    fn processors(&self) -> u16 {
        self.processors.len() as u16
    }
    fn kernel(&self) -> &Kernel {
        &self.kernel
    }
    fn exclusive<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        if self.busy.get() {
            return None;
        }
        if let Some(other) = self.waited_for.take() {
            other(self);
        }
        assert!(!self.locked.replace(true), "the control lock is taken twice");
        let result = work();
        self.locked.set(false);
        if let Some(other) = self.unlocked.take() {
            other(self);
        }
        Some(result)
    }
    fn ticks(&self) -> u64 {
        self.time.get() + 1
    }
    fn time(&self, ticks: u64) -> Nanoseconds {
        Nanoseconds::new(ticks)
    }
    fn now_at(&self, ticks: u64) -> Nanoseconds {
        Nanoseconds::new(ticks - 1)
    }
    fn set_timer(&self, at: Option<Nanoseconds>) {
        self.own().timer.set(at.map(Nanoseconds::raw));
    }
    fn nudge(&self, processor: ProcessorId) {
        assert_ne!(processor.raw(), self.here.get(), "a processor interrupts itself");
        self.nudged.borrow_mut().push(processor.raw());
    }
    fn halt(&self, processor: ProcessorId) {
        self.halted.borrow_mut().push(processor.raw());
    }
    fn activate(&self, root: PhysicalAddress) {
        self.own().root.set(Frame::containing(root).raw());
        self.own().loads.set(self.own().loads.get() + 1);
    }
    fn kernel_root(&self) -> Frame {
        Frame::new(PAGE_TABLES)
    }
    fn outside_root(&self) -> Option<Frame> {
        self.outside.get().map(Frame::new)
    }
    fn flush(&self, address: VirtualAddress) {
        self.flushed.borrow_mut().push(address.raw());
    }
    fn port(&self, operation: PortOperation, port: u16, value: u32) -> u32 {
        self.ports.borrow_mut().push((port, value));
        u32::from(operation.width())
    }
    fn bind_line(&self, line: u32, processor: ProcessorId) -> Option<bool> {
        self.lines.borrow_mut().push(("bind", line << 16 | u32::from(processor.raw())));
        (line < 24).then_some(line != EDGE_LINE)
    }
    fn unbind_line(&self, line: u32) {
        self.lines.borrow_mut().push(("unbind", line));
    }
    fn hold_line(&self, line: u32, masked: bool) {
        self.lines.borrow_mut().push((if masked { "hold" } else { "end" }, line));
    }
    fn release_line(&self, line: u32) {
        self.lines.borrow_mut().push(("release", line));
    }
    fn debug(&self, bytes: &[u8], _: Frame) -> usize {
        let taken = bytes.len().min(self.room.get());
        self.written.borrow_mut().extend_from_slice(&bytes[..taken]);
        taken
    }
    fn crash_record(&self, index: u64) -> (u64, u64) {
        (index.wrapping_mul(3), 12)
    }
    fn fact(&self, what: u64) -> Option<u64> {
        (what < 4).then(|| what + 100)
    }
    fn reset(&self) {
        self.resets.set(self.resets.get() + 1);
    }
}

/// What a call answered.
pub type Answer = Result<[u64; 4], (Error, u64)>;

impl TestMachine {
    /// A machine of so many frames without a first partition.
    pub fn bare_of(processors: u16, frames: u64) -> Self {
        Self {
            memory: (0..frames).map(|_| Page([const { AtomicU64::new(0) }; 512])).collect(),
            ledger: (0..frames).map(|_| AtomicU64::new(0)).collect(),
            processors: (0..processors).map(|_| raw::processor()).collect(),
            own: (0..processors).map(|_| Own::default()).collect(),
            kernel: Kernel::new_zeroed(),
            here: Cell::new(0),
            time: Cell::new(0),
            locked: Cell::new(false),
            nudged: RefCell::default(),
            halted: RefCell::default(),
            dead: Cell::default(),
            written: RefCell::default(),
            lines: RefCell::default(),
            flushed: RefCell::default(),
            ports: RefCell::default(),
            resets: Cell::default(),
            looks: Cell::default(),
            zeros: Cell::default(),
            unlocked: Cell::default(),
            waited_for: Cell::default(),
            busy: Cell::default(),
            room: Cell::new(32),
            thorough: Cell::new(true),
            outside: Cell::default(),
        }
    }

    /// A machine of so many frames whose first partition runs on processor 0.
    pub fn booted_of(processors: u16, frames: u64) -> Self {
        let machine = Self::bare_of(processors, frames);
        let information = hand_over::information_of(frames);
        boot::ledger(&machine, &information);
        for (id, processor) in (0..).zip(&machine.processors) {
            processor.bring_up(ProcessorId::new(id), Nanoseconds::new(SLOT), machine.kernel_root());
        }
        let mut pool = boot::Pool::new(information.pool);
        boot::first_partition(&machine, &information, &mut pool, Frame::new(TIME))
            .expect("the first partition is made");
        (0..processors).for_each(|id| machine.nudge_on(id));
        machine
    }

    fn own(&self) -> &Own {
        &self.own[usize::from(self.here.get())]
    }

    /// Enters the kernel on a processor, and checks what must hold whenever it is left.
    fn enter<'a>(&'a self, id: u16, entry: impl FnOnce(&'a Self, &'a Processor) -> Next<'a>) {
        self.here.set(id);
        let processor = &self.processors[usize::from(id)];
        processor.enter();
        let next = entry(self, processor);
        processor.leave();
        let running = match next {
            Next::Run(context, value) => {
                Self::restore(context, value);
                Some(context)
            }
            Next::Halt => None,
        };
        let own = self.own();
        own.running.set(running.map(Context::frame));
        assert_eq!(processor.current(), own.running.get());
        let root =
            running.map_or(PAGE_TABLES, |context| context.root.load(Ordering::Relaxed) >> 12);
        assert!(
            own.root.get() == root || (own.root.get() == 0 && root == PAGE_TABLES),
            "the wrong address space is active"
        );
    }

    /// What the way out of the kernel does: afterwards the registers are what the program sees.
    fn restore(context: &Context, value: u64) {
        if context.restore.swap(restore::CALL, Ordering::Relaxed) == restore::CALL {
            let values = [(register::RAX, 0), (register::RDX, value), (register::RSI, 0)];
            let zeros = [(register::RDI, 0), (register::R8, 0)];
            let all = values.into_iter().chain(zeros);
            all.for_each(|(number, value)| context.set_register(number, value));
        }
    }

    /// Enters the kernel as an interrupt does: what ran is to be restored in full.
    fn interrupt<'a>(&'a self, id: u16, entry: impl FnOnce(&'a Self, &'a Processor) -> Next<'a>) {
        if let Some(frame) = self.running(id) {
            self.context(frame).restore.store(restore::FULL, Ordering::Relaxed);
        }
        self.enter(id, entry);
    }

    pub fn nudge_on(&self, id: u16) {
        self.interrupt(id, |machine, processor| Here { machine, processor }.nudge());
    }
    pub fn fault_on(&self, id: u16, record: FaultRecord) {
        self.interrupt(id, |machine, processor| Here { machine, processor }.fault(record));
    }
    pub fn interrupt_on(&self, id: u16, line: u32) {
        self.interrupt(id, |machine, processor| Here { machine, processor }.interrupt(line));
    }

    /// Delivers the interrupts between processors until there are no more.
    pub fn settle(&self) {
        for _ in 0..1000 {
            let next = self.nudged.borrow_mut().pop();
            match next {
                Some(id) if self.is_dead(id.into()) => {}
                Some(id) => self.nudge_on(id),
                None => return,
            }
        }
        panic!("the processors interrupt each other without end");
    }

    /// The kernel's record of a processor.
    pub fn record(&self, id: u16) -> &Processor {
        &self.processors[usize::from(id)]
    }
    pub fn time(&self) -> u64 {
        self.time.get()
    }
    pub fn set_time(&self, time: u64) {
        self.time.set(time);
    }
    pub fn loads_of(&self, id: u16) -> u64 {
        self.own[usize::from(id)].loads.get()
    }
    pub fn timer_of(&self, id: u16) -> Option<u64> {
        self.own[usize::from(id)].timer.get()
    }

    /// Lets time pass until `end`, with every timer on its way and what processors tell each other.
    pub fn run_until(&self, end: u64) {
        loop {
            self.settle();
            let due = (0..self.processors.len())
                .filter(|id| !self.is_dead(*id))
                .filter_map(|id| Some((self.own[id].timer.get()?, id)))
                .min();
            let Some((at, id)) = due.filter(|(at, _)| *at <= end) else { break };
            self.time.set(at.max(self.time.get()));
            self.own[id].timer.set(None);
            self.interrupt(id as u16, |machine, processor| Here { machine, processor }.timer());
            if self.thorough.get() && self.running(id as u16).is_none() {
                self.look_again(id as u16);
            }
        }
        self.time.set(end);
    }

    /// The running context of a processor.
    pub fn running(&self, id: u16) -> Option<u64> {
        self.own[usize::from(id)].running.get().map(Frame::raw)
    }
    pub fn context(&self, frame: u64) -> &Context {
        self.object(Frame::new(frame))
    }

    /// Makes the context that runs on a processor do a call; does not wait for its answer.
    pub fn begin(&self, id: u16, call: u64, arguments: [u64; 6]) {
        let context = self.context(self.running(id).expect("a context runs"));
        assert_eq!(context.restore.load(Ordering::Relaxed), restore::CALL, "it runs");
        // As the kernel's entry does it: these get their arguments in registers, and nothing is saved.
        if let Some(call) = Call::from_number(call).filter(|_| call < QUICK_CALLS) {
            let [a, b, c, ..] = arguments;
            self.enter(id, |machine, processor| {
                let here = Here { machine, processor };
                let straight = (call == Call::Call).then(|| here.call_straight(context, [a, b, c]));
                match straight.flatten() {
                    Some((callee, value)) => Next::Run(callee, value),
                    None => quick(call)(here, context, [a, b, c]),
                }
            });
            return;
        }
        use register::{R8, R9, R10, RDI, RDX, RSI};
        for (number, value) in [RDI, RSI, RDX, R10, R8, R9].into_iter().zip(arguments) {
            context.set_register(number, value);
        }
        context.set_register(register::RAX, call);
        self.enter(id, |machine, processor| Here { machine, processor }.system_call(context));
    }

    /// A call of the context that runs on a processor, with its answer.
    pub fn call(&self, id: u16, call: Call, arguments: [u64; 6]) -> Answer {
        let caller = self.running(id).expect("a context runs");
        self.begin(id, call as u64, arguments);
        self.answer_of(caller)
    }
}
