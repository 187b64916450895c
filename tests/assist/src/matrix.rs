//! The isolation matrix: every attack with the promise it is made against and what must be seen.

use crate::Misdeed as M;
use crate::attack::{Area, Attack, Code, Deed, Expected, NOTHING, Place, Touch};
use crate::{FETCH, HOLE, PORT_ACCESSES, PRESENT, USER, WRITE};
use abi::control::FrameUse;
use abi::layout;

/// Once, and the attacker stops for one of these reasons with that code.
const fn stops(name: &'static str, deed: Deed, reasons: &'static [u64], code: Code) -> Attack {
    Attack { name, deed, times: 1, expected: Expected::Stops(reasons, code) }
}

/// Touches memory and stops at that very address with a page fault.
const fn touches(name: &'static str, touch: Touch, place: Place) -> Attack {
    let bits = match touch {
        Touch::Read => USER,
        Touch::Write => USER | WRITE,
        Touch::Run => USER | FETCH,
    };
    // Whether something is mapped there is not the partition's to know.
    stops(name, Deed::Touch(touch, place), &[14], Code::Bits(!PRESENT, bits))
}

/// Touches an address that is none: protection, for there is no page to fault on.
const fn touches_hole(name: &'static str, touch: Touch, address: u64) -> Attack {
    stops(name, Deed::Touch(touch, Place::At(address)), &[13], Code::Is(0))
}

/// A misdeed of the suite that ends with a page fault on what is mapped.
const fn forbidden(name: &'static str, misdeed: M, bits: u64) -> Attack {
    stops(name, Deed::Misdeed(misdeed), &[14], Code::Is(PRESENT | USER | bits))
}

const fn survives(name: &'static str, misdeed: M) -> Attack {
    Attack { name, deed: Deed::Misdeed(misdeed), times: 1, expected: Expected::Survives }
}

const fn refused(name: &'static str, deed: Deed, least: u64) -> Attack {
    Attack { name, deed, times: 1, expected: Expected::Refused(least) }
}

const fn port(name: &'static str, port: u16) -> Attack {
    let expected = Expected::Stops(&[13], Code::Is(0));
    Attack { name, deed: Deed::Port(port), times: PORT_ACCESSES, expected }
}

const fn instructions(name: &'static str, reasons: &'static [u64]) -> Attack {
    stops(name, Deed::Instructions, reasons, Code::Any)
}

macro_rules! table {
    ($(#[$doc:meta])* $list:ident: $($name:literal: [$($line:literal),+], [$($reason:tt),+];)+) => {
        $(#[$doc])*
        const $list: &[Attack] = &[$(instructions($name, &[$($reason),+]),)+];
    };
}
crate::instructions!(table);

use Touch::{Read, Run, Write};

const fn at(address: u64) -> Place {
    Place::At(address)
}

const KERNEL_MEMORY: &[Attack] = &[
    touches("read the kernel's image", Read, at(layout::KERNEL_BASE)),
    touches("write the kernel's image", Write, at(layout::KERNEL_BASE)),
    touches("run the kernel's image", Run, at(layout::KERNEL_BASE)),
    touches("read memory as the kernel sees it", Read, at(layout::DIRECT_MAP)),
    touches("write memory as the kernel sees it", Write, at(layout::DIRECT_MAP)),
    touches("run memory as the kernel sees it", Run, at(layout::DIRECT_MAP)),
    touches("read the interrupt controller", Read, at(layout::KERNEL_DEVICES)),
    touches("write the interrupt controller", Write, at(layout::KERNEL_DEVICES)),
    touches("read a page table", Read, Place::Frame(FrameUse::PageTable)),
    touches("write a page table", Write, Place::Frame(FrameUse::PageTable)),
    touches("write a capability table", Write, Place::Frame(FrameUse::SlotTable)),
    touches("write a partition object", Write, Place::Frame(FrameUse::PartitionObject)),
    touches("read a context object", Read, Place::Frame(FrameUse::ContextObject)),
    touches("read a frame of the kernel", Read, Place::Frame(FrameUse::Kernel)),
    touches("write the time page from behind", Write, Place::Frame(FrameUse::Time)),
    touches("read the last byte of all", Read, at(u64::MAX)),
    touches("run the last byte of all", Run, at(u64::MAX)),
];

const OTHERS_MEMORY: &[Attack] = &[
    touches("read another partition's memory", Read, Place::Other),
    touches("write another partition's memory", Write, Place::Other),
    touches("run another partition's memory", Run, Place::Other),
    touches("read where others have lasting memory", Read, at(layout::LASTING)),
    touches("write where others have lasting memory", Write, at(layout::LASTING)),
    touches("read where others have the boot image", Read, at(layout::BOOT_IMAGE)),
    touches("read where others have the boot information", Read, at(layout::BOOT_INFORMATION)),
    touches("write where others have devices", Write, at(layout::DEVICES)),
    touches("write where others have their window", Write, at(layout::WINDOW)),
    touches("read behind the last channel", Read, at(layout::CHANNELS_END - 1)),
    touches("write behind the heap", Write, at(layout::HEAP_END - 1)),
];

const NOWHERE: &[Attack] = &[
    touches("read address 0", Read, at(0)),
    touches("write address 0", Write, at(0)),
    touches("run address 0", Run, at(0)),
    touches("read below the program", Read, at(layout::PROGRAM_BASE - 1)),
    touches("read behind the program's room", Read, at(layout::PROGRAM_END - 1)),
    touches("write the last page of a partition's half", Write, at(layout::USER_END - 1)),
    touches("read the last byte of the lower half", Read, at(HOLE - 1)),
    touches_hole("read the first address that is none", Read, HOLE),
    touches_hole("write the first address that is none", Write, HOLE),
    touches_hole("run the first address that is none", Run, HOLE),
    touches_hole("read the last address that is none", Read, layout::DIRECT_MAP - 1),
    touches_hole("write in the middle of the hole", Write, 1 << 62),
];

const OWN_MEMORY: &[Attack] = &[
    forbidden("write its own code", M::WriteCode, WRITE),
    forbidden("write the time page", M::WriteTime, WRITE),
    forbidden("write its information pages", M::WriteInformation, WRITE),
    forbidden("run its stack", M::RunStack, FETCH),
    touches("run its heap", Run, at(layout::HEAP)),
    touches("run a channel", Run, at(layout::CHANNELS)),
    touches("run the time page", Run, at(layout::TIME_PAGE)),
    touches("run its information pages", Run, at(layout::INFORMATION)),
    stops("overflow its stack", Deed::Misdeed(M::Overflow), &[14], Code::Is(USER | WRITE)),
    stops("take all heap", Deed::Misdeed(M::OutOfMemory), &[66], Code::Any),
];

const INTERRUPTS: &[Attack] = &[Attack {
    name: "int n, for every n",
    deed: Deed::Interrupt,
    times: 256,
    expected: Expected::Stops(&[3, 13], Code::Vector),
}];

const PORTS: &[Attack] = &[
    port("the DMA controller", 0x00),
    port("the first interrupt controller", 0x20),
    port("the timer", 0x40),
    port("the keyboard", 0x60),
    port("the clock", 0x70),
    port("the second interrupt controller", 0xa0),
    port("the exit device", 0xf4),
    port("the disk", 0x1f0),
    port("the second serial port", 0x2f8),
    port("the parallel port, which it holds a capability to", 0x378),
    port("the screen", 0x3c0),
    port("the floppy disk", 0x3f2),
    port("the console's serial port", 0x3f8),
    port("the trigger modes", 0x4d0),
    port("the firmware's configuration", 0x510),
    port("the power switch", 0x604),
    port("PCI configuration", 0xcf8),
    port("the reset button", 0xcf9),
    port("the last port", 0xffff),
    Attack {
        name: "a port of every KiB",
        deed: Deed::Ports,
        times: 64,
        expected: Expected::Stops(&[13], Code::Is(0)),
    },
    stops("a string of bytes to a port", Deed::Misdeed(M::WritePort), &[13], Code::Is(0)),
];

const FLAGS: &[Attack] = &[
    survives("interrupts off and a better privilege level by popf", M::Privilege),
    survives("calls with stack pointers that are none, and every flag", M::OddCall),
    survives("every segment register with whatever it takes", M::Segments),
];

const CAPABILITIES: &[Attack] = &[
    refused("forged: every slot that holds nothing, with every call", Deed::Calls, 69_000),
    refused("wrong kind: everything it holds, as everything else", Deed::Calls, 50),
    refused("revoked: a doorbell that was taken away", Deed::Calls, 2),
    refused("stale: a doorbell to a partition that was restarted", Deed::Stale, 2),
    refused("weakened: a capability without the right", Deed::Calls, 20),
    refused("strengthened: more rights than the source has", Deed::Calls, 4),
    refused("ports, with a capability to eight others", Deed::Calls, 8_000),
    refused("a line that is not its own", Deed::Calls, 4),
];

const ARGUMENTS: &[Attack] = &[
    refused("map frames that are not its own", Deed::Calls, 20_000),
    refused("addresses that are unaligned, wrap, or are the kernel's", Deed::Calls, 100),
    refused("counts that wrap or are huge", Deed::Calls, 20),
    refused("memory that is writable and executable", Deed::Calls, 4),
    refused("unknown calls and operations", Deed::Calls, 50),
    refused("numbers that no call takes", Deed::Calls, 30),
    refused("tables, slots and objects out of frames in use", Deed::Calls, 30),
];

const RACES: &[Attack] = &[
    refused("one slot written, cleared and used by two processors", Deed::Race, 10_000),
    refused("one page mapped and unmapped by two processors", Deed::Race, 10_000),
    refused("one doorbell rung and waited for by two processors", Deed::Race, 10_000),
    refused("one context stopped, started and configured by two processors", Deed::Race, 10_000),
];

const GREED: &[Attack] = &[
    Attack {
        name: "never yield",
        deed: Deed::Misdeed(M::Spin),
        times: 1,
        expected: Expected::Silent,
    },
    survives("a flood of doorbells", M::Ring),
    Attack {
        name: "arbitrary bytes all over its channel",
        deed: Deed::Misdeed(M::Scribble),
        times: 1,
        expected: Expected::Silent,
    },
];

const DEATHS: &[Attack] = &[
    stops("a division by zero", Deed::Misdeed(M::Divide), &[0], Code::Is(0)),
    stops("an instruction that is none", Deed::Misdeed(M::Invalid), &[6], Code::Is(0)),
    stops("a panic", Deed::Misdeed(M::Panic), &[65], Code::Any),
    stops("an exit", Deed::Misdeed(M::Exit), &[64], Code::Is(77)),
];

const fn area(name: &'static str, claim: &'static str, attacks: &'static [Attack]) -> Area {
    Area { name, claim, attacks }
}

/// All of it.
pub const MATRIX: &[Area] = &[
    area(
        "The kernel's memory",
        "A partition neither reads, writes nor runs the kernel's memory.",
        KERNEL_MEMORY,
    ),
    area(
        "The memory of others",
        "A partition reaches no memory of another that no channel names.",
        OTHERS_MEMORY,
    ),
    area(
        "Where nothing is",
        "Unmapped and impossible addresses stop whoever touches them.",
        NOWHERE,
    ),
    area(
        "Its own memory",
        "Memory is used as the program says, and ends where it ends.",
        OWN_MEMORY,
    ),
    area(
        "Privileged instructions",
        "Instructions that belong to the kernel stop a partition.",
        PRIVILEGED,
    ),
    area(
        "Interrupt vectors",
        "No vector but the breakpoint's can be entered by a partition.",
        INTERRUPTS,
    ),
    area("Ports", "No port is reached by instructions, whatever capabilities there are.", PORTS),
    area(
        "Flags, frames and segments",
        "No flag, frame or segment raises a partition's privilege or upsets the kernel.",
        TRICKS,
    ),
    area("Flags that are kept out", "What a partition may not set stays as it is.", FLAGS),
    area(
        "Capabilities",
        "Every call names a capability of the right kind, right and generation, or is refused.",
        CAPABILITIES,
    ),
    area("Arguments", "Arguments out of range are refused and change nothing.", ARGUMENTS),
    area(
        "Races",
        "Calls on one object from two processors are refused or done, never half.",
        RACES,
    ),
    area("Greed", "Who takes all that can be taken takes it from nobody.", GREED),
    area("Deaths", "Whatever ends a partition ends only that partition, and says why.", DEATHS),
];

/// Every attack with its area, numbered from 0.
pub fn all() -> impl Iterator<Item = (u32, &'static Area, &'static Attack)> + Clone {
    let rows = MATRIX.iter().flat_map(|area| area.attacks.iter().map(move |attack| (area, attack)));
    (0..).zip(rows).map(|(number, (area, attack))| (number, area, attack))
}

/// The attack with this number.
#[must_use]
pub fn attack(number: u32) -> Option<&'static Attack> {
    all().find(|(own, ..)| *own == number).map(|(.., attack)| attack)
}
