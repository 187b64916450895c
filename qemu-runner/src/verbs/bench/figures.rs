//! The figures: what is wanted, and what two peers reach in the same emulator (seL4 16.0 release build, NOVA of January 2024).

/// A figure.
pub struct Figure {
    /// Its name in reports.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// At most this much is wanted.
    pub wanted: Option<u64>,
    /// What seL4 reaches.
    pub sel4: Option<u64>,
    /// What NOVA reaches.
    pub nova: Option<u64>,
}

const fn instructions(
    name: &'static str,
    title: &'static str,
    wanted: Option<u64>,
    sel4: Option<u64>,
    nova: Option<u64>,
) -> Figure {
    Figure { name, title, unit: "instructions", wanted, sel4, nova }
}

/// One by the clock of an emulator that does not count: that of the peers is of the computer they were measured on.
const fn timed(
    name: &'static str,
    title: &'static str,
    sel4: Option<u64>,
    nova: Option<u64>,
) -> Figure {
    Figure { name, title, unit: "ns", wanted: None, sel4, nova }
}

/// One of a channel that is kept busy between two processors.
const fn busy(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    wanted: Option<u64>,
) -> Figure {
    Figure { name, title, unit, wanted, sel4: None, nova: None }
}

/// All of them, in the order in which they are printed.
pub const FIGURES: &[Figure] = &[
    instructions("call", "call and reply", Some(260), Some(407), Some(287)),
    instructions("ping-pong", "ring and wait, both ways", Some(700), Some(2003), Some(3938)),
    instructions("interrupt", "interrupt to its handler", Some(300), Some(357), None),
    instructions("yield", "yield to another partition", Some(220), Some(270), None),
    instructions("isolated-call", "isolated: call and reply", None, Some(427), None),
    instructions("isolated-ping-pong", "isolated: ring and wait, both ways", None, None, None),
    instructions("isolated-interrupt", "isolated: interrupt to its handler", None, None, None),
    instructions("isolated-yield", "isolated: yield", None, None, None),
    instructions("poll", "poll for events", None, None, Some(51)),
    instructions("inspect-nothing", "inspect an empty slot", None, None, None),
    instructions("channel-client", "busy channel, client's side", Some(120), None, None),
    instructions("channel-server", "busy channel, server's side", Some(120), None, None),
    instructions("interrupts-off", "longest with interrupts off", Some(20_000), None, None),
    instructions("create-destroy", "make a small partition and end it", Some(60_000), None, None),
    instructions("create", "of these to make it", None, None, None),
    instructions("plan-change", "change a plan", Some(8_000), None, None),
    timed("call-time", "call and reply, by the clock", Some(5_208), Some(5_952)),
    timed("ping-pong-time", "ring and wait, both ways, by the clock", Some(11_628), Some(11_905)),
    busy("busy-time", "of two processors, request and completion", "ns", None),
    busy("busy-calls", "kernel entries for 10,000 of these", "calls", Some(0)),
    busy("busy-doorbells", "doorbells for 10,000 of these", "doorbells", Some(0)),
    Figure {
        name: "text",
        title: "kernel text",
        unit: "bytes",
        wanted: Some(65_536),
        sel4: Some(63_606),
        nova: Some(77_585),
    },
    Figure {
        name: "prompt",
        title: "start to prompt, best of 5",
        unit: "ms",
        wanted: Some(1_000),
        sel4: None,
        nova: None,
    },
    Figure {
        name: "memory",
        title: "held at the prompt",
        unit: "KiB",
        wanted: Some(16_384),
        sel4: None,
        nova: None,
    },
];
