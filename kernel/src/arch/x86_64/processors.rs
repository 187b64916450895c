//! Starts the further processors, one after the other (Intel SDM 3A, 8.4.4).

use super::area::Area;
use super::boot::{Attempt, SLOT, run};
use super::clock::time_stamp;
use super::debug_port::report;
use super::hardware::Hardware;
use super::{features, processor_state, trampoline};
use abi::boot::BootInformation;
use abi::types::{Frame, MAX_PROCESSORS, ProcessorId};
use core::hint::spin_loop;
use core::sync::atomic::Ordering;
use kernel_core::boot::Pool;

/// Nanoseconds from reset to start.
const AFTER_INIT: u64 = 10_000_000;
/// Nanoseconds from the first start to the second one, which only some processors need.
const AFTER_START: u64 = 200_000;
/// Nanoseconds in which a processor has to do its next step: long, for a busy host may take an emulated processor away.
const PATIENCE: u64 = 3_000_000_000;

/// What a processor and its starter tell each other in `Area::note`. 0 before anything; any other value is a time stamp.
mod note {
    /// Ready.
    pub const ARRIVED: u64 = 1;
    /// Asked for its time stamp.
    pub const ASKED: u64 = 2;
    /// Told to run.
    pub const GO: u64 = 3;
}

/// Makes areas for the listed processors, as many as the pool has room for. Returns how many there are, with the first.
pub fn create(information: &BootInformation, pool: &mut Pool) -> u16 {
    let listed = (information.machine.processor_count as u16).min(MAX_PROCESSORS);
    let areas = (1..listed).map_while(|index| {
        let apic = information.machine.processors[usize::from(index)];
        Area::create(pool, ProcessorId::new(index), apic)
    });
    let made = areas.count() as u16 + 1;
    if made < listed {
        report!("kernel: memory for {made} of {listed} processors");
    }
    made
}

/// Starts them. Returns how many processors run; they have the first numbers, whichever did not come.
pub fn start(trampoline: Frame, hardware: &'static Hardware) -> u32 {
    let mut online = 1;
    for index in 1..hardware.processors {
        let Some(area) = Area::of(ProcessorId::new(index)) else { continue };
        match start_one(trampoline, area, ProcessorId::new(online)) {
            Ok(()) => online += 1,
            Err(why) => {
                // Reset again, it waits for a start that never comes. If it comes all the same it goes no further than the trampoline.
                let apic = area.head.apic;
                hardware.apic.send_init(apic);
                report!("kernel: the processor with APIC id {apic} {why}; it stays out");
            }
        }
    }
    online.into()
}

fn start_one(trampoline: Frame, area: &'static Area, id: ProcessorId) -> Attempt<()> {
    let hardware = Hardware::get();
    let (apic, target) = (hardware.apic, area.head.apic);
    if !apic.is_x2apic() && target > 0xff {
        return Err("cannot be reached");
    }
    let page = u8::try_from(trampoline.raw()).map_err(|_| "has no page to start in")?;
    trampoline::write(trampoline, hardware.root, area);
    apic.send_init(target);
    await_step(hardware, AFTER_INIT, || false);
    apic.send_startup(target, page);
    let came = || area.head.note.load(Ordering::Acquire) == note::ARRIVED;
    if await_step(hardware, AFTER_START, came).is_none() {
        apic.send_startup(target, page);
    }
    await_step(hardware, PATIENCE, came).ok_or("did not come")?;
    compare_time(hardware, area)?;
    area.number(id);
    area.head.note.store(note::GO, Ordering::Release);
    await_step(hardware, PATIENCE, || area.processor.online()).ok_or("came but did not run")
}

/// Asks for the processor's time stamp and looks whether it lies between two of this one's.
fn compare_time(hardware: &Hardware, area: &Area) -> Attempt<()> {
    let before = time_stamp();
    area.head.note.store(note::ASKED, Ordering::Release);
    await_step(hardware, PATIENCE, || area.head.note.load(Ordering::Acquire) != note::ASKED)
        .ok_or("did not tell its time")?;
    let there = area.head.note.load(Ordering::Acquire);
    if there < before || there > time_stamp() {
        hardware.clock.distrust("differs between processors");
    }
    Ok(())
}

/// Waits until something is done, at most so many nanoseconds.
fn await_step(hardware: &Hardware, patience: u64, done: impl Fn() -> bool) -> Option<()> {
    let end = hardware.clock.now() + patience;
    while !done() {
        if hardware.clock.now() > end {
            return None;
        }
        spin_loop();
    }
    Some(())
}

/// Where the trampoline leads, on the processor's own stack.
pub extern "C" fn arrive(area: &'static Area) -> ! {
    let hardware = Hardware::get();
    // Before anything of what the first one can do is asked of it.
    if features::detect(hardware.isolation) != hardware.features {
        report!("kernel: the processor with APIC id {} differs from the first one", area.head.apic);
        super::crash::halt();
    }
    processor_state::load(area, hardware.features);
    hardware.apic.enable();
    hardware.apic.arm_timer(hardware.clock.deadline);
    let note = &area.head.note;
    note.store(note::ARRIVED, Ordering::Release);
    follow(note::ASKED, area);
    note.store(time_stamp(), Ordering::Release);
    follow(note::GO, area);
    let id = ProcessorId::new(area.head.id.load(Ordering::Acquire));
    area.processor.bring_up(id, SLOT, hardware.root);
    run(area)
}

fn follow(word: u64, area: &Area) {
    while area.head.note.load(Ordering::Acquire) != word {
        spin_loop();
    }
}
