//! From the loader's hand-over to the first partition.
#![expect(unsafe_code, reason = "reads what the loader handed over")]

use super::area::Area;
use super::clock::Clock;
use super::crash::Previous;
use super::debug_port::{self, report};
use super::hardware::Hardware;
use super::io_apic::Lines;
use super::isolation;
use super::local_apic::LocalApic;
use super::memory;
use super::mmio::Registers;
use super::processor_state;
use super::processors;
use super::reference::Reference;
use super::time_page::Time;
use abi::boot::{BOOT_MAGIC, BootInformation, IO_APICS, Machine};
use abi::control::Feature;
use abi::types::{Frame, Nanoseconds, ProcessorId, VirtualAddress};
use abi::{ABI_VERSION, compatible};
use core::arch::asm;
use kernel_core::boot::Pool;
use kernel_core::machine::Machine as _;

/// Length of a slot until the resource manager sets another.
pub const SLOT: Nanoseconds = Nanoseconds::new(1_000_000);
/// What may go wrong at boot, and then the sentence to stop with.
pub type Attempt<T> = Result<T, &'static str>;
/// The processor that booted.
const FIRST: ProcessorId = ProcessorId::new(0);

/// Called by `_start` on the boot stack.
pub extern "C" fn start(information: &'static BootInformation) -> ! {
    if information.magic != BOOT_MAGIC {
        super::crash::halt();
    }
    debug_port::open(information.machine.serial);
    if !compatible(information.version) {
        panic!("the loader speaks version {:#x}, the kernel {ABI_VERSION:#x}", information.version);
    }
    match prepare(information) {
        Ok(area) => run(area),
        // Why this machine cannot be used.
        Err(sentence) => report!("{sentence}"),
    }
    super::crash::halt()
}

const POOL_EMPTY: &str = "kernel: the loader set aside too little memory";

/// Sets up processor 0, the machine, the first partition and the other processors.
fn prepare(information: &'static BootInformation) -> Attempt<&'static Area> {
    let features = super::features::detect(information.isolation);
    let mut pool = Pool::new(information.pool);
    let machine = &information.machine;
    let area = Area::create(&mut pool, FIRST, machine.processors[0]).ok_or(POOL_EMPTY)?;
    processor_state::load(area, features);
    let previous = Previous::take(information.crash_record, pool.take().ok_or(POOL_EMPTY)?);
    previous.print();
    let time_page = pool.take().ok_or(POOL_EMPTY)?;
    let count = processors::create(information, &mut pool);
    let mut hardware = find(information, features, time_page, previous, count)?;
    if features.contains(Feature::ISOLATED_PAGE_TABLES) {
        let outside = isolation::create(information.page_tables, &mut pool, count);
        hardware.outside = Some(outside.ok_or(POOL_EMPTY)?);
    }
    let hardware = hardware.publish();
    start_core(information, hardware, area, pool, time_page)?;
    let online = processors::start(information.trampoline, hardware);
    hardware.time.update(&hardware.clock, online, SLOT.raw());
    announce(hardware, online);
    Ok(area)
}

fn announce(hardware: &Hardware, online: u32) {
    let rates = hardware.clock.rates;
    report!(
        "kernel: {online} of {} processors, {} ticks of the time stamp counter a second, timer {} a second{}",
        hardware.processors,
        rates.tsc,
        hardware.clock.timer_rate(),
        if hardware.apic.is_x2apic() { ", x2APIC" } else { "" },
    );
    if hardware.outside.is_some() {
        report!("kernel: page tables are isolated");
    }
}

/// Interrupt controllers and clocks.
fn find(
    information: &'static BootInformation,
    features: Feature,
    time_page: Frame,
    previous: Previous,
    processors: u16,
) -> Attempt<Hardware> {
    let machine = &information.machine;
    let apic = LocalApic::choose(features.contains(Feature::X2APIC), registers(machine.local_apic))
        .ok_or("kernel: this machine has no local APIC")?;
    apic.enable();
    Ok(Hardware {
        ledger: memory::ledger(information.ledger, information.frames),
        root: information.page_tables,
        outside: None,
        isolation: information.isolation,
        processors,
        features,
        clock: start_clock(machine, apic, features)?,
        apic,
        lines: lines(machine),
        time: Time::new(time_page),
        previous,
    })
}

fn registers(base: VirtualAddress) -> Option<Registers> {
    // SAFETY: the loader mapped the registers of every controller it names.
    unsafe { Registers::new(base) }
}

fn start_clock(machine: &Machine, apic: LocalApic, features: Feature) -> Attempt<Clock> {
    let hpet = registers(machine.hpet).and_then(Reference::hpet);
    let pm = Reference::pm(machine.pm_timer, machine.pm_timer_wide != 0);
    let clock = Clock::start([hpet, pm, Some(Reference::pit())], apic, features)?;
    apic.arm_timer(clock.deadline);
    Ok(clock)
}

fn lines(machine: &'static Machine) -> Lines {
    let count = (machine.io_apic_count as usize).min(IO_APICS);
    let chips = machine.io_apics[..count].iter();
    let chips = chips.filter_map(|chip| Some((registers(chip.address)?, chip.base)));
    Lines::new(chips, machine.overrides, machine.override_count as usize)
}

/// Hands memory over to core and makes the first partition.
fn start_core(
    information: &BootInformation,
    hardware: &'static Hardware,
    area: &'static Area,
    mut pool: Pool,
    time_page: Frame,
) -> Attempt<()> {
    kernel_core::boot::ledger(hardware, information);
    area.processor.bring_up(FIRST, SLOT, hardware.kernel_root());
    kernel_core::boot::first_partition(hardware, information, &mut pool, time_page)
        .map(|_| ())
        .map_err(|_| "kernel: the first partition cannot be made")
}

/// Leaves the boot stack for the processor's own and runs its plan.
pub fn run(area: &'static Area) -> ! {
    // SAFETY: the stack is this processor's and empty; `begin` does not return.
    unsafe {
        asm!("mov rsp, {}", "xor ebp, ebp", "call {}", in(reg) area.head.stack, sym super::dispatch::begin,
            in("rdi") area, options(noreturn))
    }
}
