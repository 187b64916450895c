//! The machine under `kernel_core`, made of hardware.
#![expect(unsafe_code, reason = "changes and flushes address spaces")]

use super::area::Area;
use super::clock::Clock;
use super::control_register;
use super::crash::{self, Previous};
use super::debug_port;
use super::io_apic::Lines;
use super::local_apic::{LocalApic, vector};
use super::memory;
use super::port;
use super::processor_state;
use super::reset;
use super::time_page::Time;
use abi::call::PortOperation;
use abi::control::{ContextState, Feature};
use abi::types::{Frame, Nanoseconds, PhysicalAddress, ProcessorId, VirtualAddress};
use core::sync::atomic::AtomicU64;
use kernel_core::context::Context;
use kernel_core::interrupt::Kernel;
use kernel_core::machine::{Machine, Object};
use kernel_core::processor::Processor;
use spin::Once;
use spin::mutex::TicketMutex;

static HARDWARE: Once<Hardware> = Once::new();
static KERNEL: Kernel = zerocopy::transmute!([0_u64; size_of::<Kernel>() / 8]);
static CONTROL: TicketMutex<()> = TicketMutex::new(());

/// Times that the lock is tried: longer than most operations take, shorter than the longest.
const PATIENCE: u32 = 500;

/// What was found and set up at boot; never changes.
pub struct Hardware {
    /// The ledger's words.
    pub ledger: &'static [AtomicU64],
    /// Root of the kernel's page tables.
    pub root: Frame,
    /// Root of what partitions see of them, where page tables are isolated.
    pub outside: Option<Frame>,
    /// Whether they were to be: a wish, [`abi::manifest::Isolation`].
    pub isolation: u64,
    /// Processors that have an area.
    pub processors: u16,
    /// What processor 0 can do; the others are like it.
    pub features: Feature,
    /// Time and timer.
    pub clock: Clock,
    /// The interrupt controller of the processor that asks.
    pub apic: LocalApic,
    /// Interrupt lines.
    pub lines: Lines,
    /// The time page.
    pub time: Time,
    /// Crash record of the previous run.
    pub previous: Previous,
}

impl Hardware {
    /// Makes it known; once.
    pub fn publish(self) -> &'static Self {
        HARDWARE.call_once(|| self)
    }

    /// The machine, on paths that are never taken before it is known: those of partitions, and of processors that are started.
    #[inline]
    pub fn get() -> &'static Self {
        // SAFETY: the first partition is entered, and the other processors are started, after `publish`.
        unsafe { HARDWARE.get_unchecked() }
    }

    /// The machine, if it is known yet.
    pub fn try_get() -> Option<&'static Self> {
        HARDWARE.get()
    }
}

impl Machine for Hardware {
    #[inline]
    fn object<T: Object>(&self, frame: Frame) -> &T {
        memory::object(frame)
    }

    #[inline]
    fn ledger(&self) -> &[AtomicU64] {
        self.ledger
    }

    fn zero(&self, frame: Frame) {
        memory::zero(frame);
    }

    #[inline]
    fn processor(&self, id: ProcessorId) -> Option<&Processor> {
        Area::of(id).map(|area| &area.processor)
    }

    fn processors(&self) -> u16 {
        self.processors
    }

    fn kernel(&self) -> &Kernel {
        &KERNEL
    }

    fn exclusive<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        let _guard = (0..PATIENCE).find_map(|_| CONTROL.try_lock())?;
        Some(work())
    }

    #[inline]
    fn ticks(&self) -> u64 {
        self.clock.ticks()
    }

    #[inline]
    fn time(&self, ticks: u64) -> Nanoseconds {
        Nanoseconds::new(self.clock.time(ticks))
    }

    #[inline]
    fn now_at(&self, ticks: u64) -> Nanoseconds {
        Nanoseconds::new(self.clock.now_at(ticks))
    }

    fn set_timer(&self, at: Option<Nanoseconds>) {
        self.clock.set_timer(self.apic, at.map(Nanoseconds::raw));
    }

    fn nudge(&self, processor: ProcessorId) {
        let _ = Area::of(processor).map(|area| self.apic.send(area.head.apic, vector::NUDGE));
    }

    fn halt(&self, processor: ProcessorId) {
        let _ = Area::of(processor).map(|area| self.apic.send_nmi(area.head.apic));
    }

    #[inline]
    fn activate(&self, root: PhysicalAddress) {
        processor_state::clear_selectors();
        // SAFETY: core makes roots with the kernel's upper half, and passes no others.
        unsafe { control_register::set_root(root.raw()) }
    }

    fn kernel_root(&self) -> Frame {
        self.root
    }

    fn outside_root(&self) -> Option<Frame> {
        self.outside
    }

    fn flush(&self, address: VirtualAddress) {
        // SAFETY: forgets a translation; it is read again from the tables.
        unsafe { x86::tlb::flush(address.raw() as usize) }
    }

    fn port(&self, operation: PortOperation, port: u16, value: u32) -> u32 {
        port::access(port, operation, value)
    }

    fn bind_line(&self, line: u32, processor: ProcessorId) -> Option<bool> {
        let apic = u8::try_from(Area::of(processor)?.head.apic).ok()?;
        self.lines.unmask(line, apic).then(|| self.lines.is_level(line))
    }

    fn unbind_line(&self, line: u32) {
        self.lines.mask(line);
    }

    #[inline]
    fn hold_line(&self, line: u32, masked: bool) {
        if masked {
            self.lines.mask(line);
        }
        self.apic.end();
    }

    fn release_line(&self, line: u32) {
        self.lines.release(line);
    }

    fn debug(&self, bytes: &[u8], who: Frame) -> usize {
        let runs = |who| self.object::<Context>(Frame::new(who)).state() == ContextState::Ready;
        debug_port::offer(bytes, who.raw(), self.clock.now(), runs)
    }

    fn crash_record(&self, index: u64) -> (u64, u64) {
        self.previous.word(index)
    }

    fn fact(&self, what: u64) -> Option<u64> {
        match what {
            0 => Some(self.features.bits()),
            1 => Some(self.clock.source_number()),
            2 => Some(self.clock.rates.tsc),
            3 => Some(self.clock.timer_rate()),
            _ => None,
        }
    }

    fn reset(&self) {
        crash::stop_others();
        reset::machine()
    }
}
