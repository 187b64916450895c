//! The table of verbs.

/// What follows a verb.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    /// Nothing.
    None,
    /// The name of a partition.
    Name,
    /// The name of a partition, or nothing.
    OptionalName,
    /// A count, or nothing.
    OptionalCount,
    /// A verb, or nothing.
    OptionalVerb,
    /// The name of a partition, what of it is set, and to what.
    Setting,
    /// The name of a partition, and a processor.
    Destination,
    /// The name of a partition, and what is said of the new one.
    Creation,
    /// An address and a scale, or nothing.
    OptionalArea,
    /// The name of a partition and what of its version is wanted, or nothing.
    OptionalVersion,
    /// The name of a partition and what is wanted of what is left of it, or nothing.
    OptionalCorpse,
}

/// One verb of the console.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verb {
    /// The word typed.
    pub name: &'static str,
    /// What follows it.
    pub argument: Argument,
    /// What it does, in a few words for the overview.
    pub summary: &'static str,
    /// What a person wants to know before using it.
    pub detail: &'static str,
}

const fn entry(
    name: &'static str,
    argument: Argument,
    summary: &'static str,
    detail: &'static str,
) -> Verb {
    Verb { name, argument, summary, detail }
}

/// Every verb, in the order of the overview.
pub const VERBS: &[Verb] = &[
    entry(
        "ps",
        Argument::None,
        "list the partitions",
        "One line for each partition: its number, name, state, share of processor time in slots of 16, memory, \
         how often it was restarted, and the events it waits for. A partition that stopped by itself is followed by why.",
    ),
    entry(
        "start",
        Argument::Name,
        "start a stopped partition",
        "Starts a partition that is stopped, or that failed for good. It begins with clean memory.",
    ),
    entry(
        "stop",
        Argument::Name,
        "ask a partition to stop",
        "Asks the partition to end by itself, and stops it if it has not done so after a second. It stays stopped until started.",
    ),
    entry(
        "kill",
        Argument::Name,
        "stop a partition at once",
        "Stops the partition where it is. It stays stopped until started.",
    ),
    entry(
        "restart",
        Argument::Name,
        "stop a partition and start it anew",
        "The partition begins with clean memory; only memory marked lasting is kept. Its peers see a new epoch on their channels.",
    ),
    entry(
        "upgrade",
        Argument::OptionalVersion,
        "go over to another version, or back",
        "Alone: which version of each partition runs, and which could be next. 'upgrade NAME' notes that its next start goes over to the next \
         version, 'upgrade NAME now' restarts it for that at once. A version that stops, or is not up in its time, is taken back by itself; \
         'upgrade NAME back' takes it back by hand. Versions come from images beside the one that was booted: './bulkhead run --next IMAGE'.",
    ),
    entry(
        "pause",
        Argument::Name,
        "stop a partition where it is, to go on there",
        "It keeps all it has: memory, registers, events, channels, and its share of the processor, which nobody else is promised \
         meanwhile. Who asks it something waits. 'resume' lets it go on; stop, kill, restart and destroy end it as they end others.",
    ),
    entry(
        "resume",
        Argument::Name,
        "let a paused partition go on",
        "It goes on where it was paused. Times that it waited for and that have passed meanwhile end at once.",
    ),
    entry(
        "set",
        Argument::Setting,
        "change a partition's share or memory",
        "'set NAME processor 4/16' gives each of its contexts that many slots of every 16 of its processor; the plans of all its processors \
         change at once. 'set NAME memory 64M' gives it that much heap: more at once, less as far as its runtime does not use it, the rest \
         at its next start. It keeps both when it is restarted; 'plan' and 'ps' show who has what.",
    ),
    entry(
        "move",
        Argument::Destination,
        "move a partition to another processor",
        "'move NAME to processor 2'. It is stopped for a few frames and goes on there where it was, its further contexts on the processors \
         that follow. It stays there when it is restarted.",
    ),
    entry(
        "create",
        Argument::Creation,
        "make one more like a partition of the image",
        "The new partition has the same program, but no hardware. 'create NAME share 2 memory 4M processor 1' says how many slots of 16 \
         each of its contexts gets, how much heap, and where its first context runs; what is not said is as in the image, and the processor \
         the least loaded that has the slots. It is told by its number, which every command takes in place of a name, and does not run before \
         it is started.",
    ),
    entry(
        "destroy",
        Argument::Name,
        "end a partition that create made",
        "Give its number: the name is that of the partition it was made like. All it had is given back.",
    ),
    entry(
        "plan",
        Argument::None,
        "show the plan of each processor",
        "The 16 slots of each processor's frame, who owns them and how much of each was used in the last second; \
         then who takes what is left over.",
    ),
    entry(
        "channels",
        Argument::None,
        "list the channels",
        "One line for each channel: who is joined to whom, its kind and epoch, the doorbells rung towards server and client, \
         and the messages passed.",
    ),
    entry(
        "caps",
        Argument::Name,
        "say what a partition may do",
        "Every capability of the partition, in words.",
    ),
    entry(
        "log",
        Argument::OptionalName,
        "show the last lines of a partition's console",
        "Without a name: the console of this partition. The scrollback is kept by the console service.",
    ),
    entry(
        "trace",
        Argument::OptionalCount,
        "show the last switches, interrupts and doorbells",
        "The newest records of the kernel's trace of all processors with their times; 24 of them unless a count is given. \
         Each processor keeps its last 512. './bulkhead trace' draws them.",
    ),
    entry(
        "console",
        Argument::Name,
        "talk to a partition",
        "What you type goes to that partition and what it writes is shown, until you press Ctrl-].",
    ),
    entry(
        "dump",
        Argument::OptionalCorpse,
        "write what is left of a partition as a core file",
        "Registers and memory of a partition that stopped or is paused, as text between two marks: './bulkhead dump --from LOG' makes the file of it \
         that gdb opens, and in './bulkhead run' that is done by itself. 'dump NAME last' does it for what was kept when its last life ended by a \
         fault; alone it lists those, 'dump NAME forget' gives their memory back. Ctrl-C ends it.",
    ),
    entry(
        "machine",
        Argument::None,
        "show processors and memory",
        "Processors online, memory, and how much of it is used by whom.",
    ),
    entry(
        "hardware",
        Argument::None,
        "show what the machine is made of",
        "Processors, their features and what is done without, timers and how they were measured, interrupt controllers, memory map: \
         to be sent with a report.",
    ),
    entry(
        "map",
        Argument::OptionalArea,
        "show whose memory is",
        "A character for so many pages, that of whoever has most of them: the whole machine on one screen. 'map ADDRESS' shows every page \
         around an address, 'map ADDRESS 64K' 64 KiB in a character.",
    ),
    entry(
        "audit",
        Argument::None,
        "check kernel, books and image against each other",
        "Compares the kernel's ledger of every frame, its partitions, channels and capabilities with the books of the resource manager, and those \
         with the image and what was made since; says what does not agree.",
    ),
    entry(
        "transactions",
        Argument::OptionalCount,
        "list the last changes of the books",
        "One line for each transaction of the resource manager, the newest last: when, who asked, for what, how many steps, how it ended; \
         16 of them unless a count is given. The log outlives the resource manager.",
    ),
    entry(
        "transaction",
        Argument::OptionalCount,
        "show a change of the books step by step",
        "Give its number as 'transactions' lists it; without one, the last. Each step says what was there before and what is there after. \
         [0,1,18] is the page of 4 KiB with that place in its 4 MiB, those in their 4 GiB, and those.",
    ),
    entry(
        "uptime",
        Argument::None,
        "say how long the machine runs",
        "Counted from the start of the kernel.",
    ),
    entry(
        "help",
        Argument::OptionalVerb,
        "list the commands, or explain one",
        "Commands are separated by ';'. Tab completes, the up key brings back earlier lines, Ctrl-U clears the line.",
    ),
    entry(
        "reboot",
        Argument::None,
        "stop all and start the machine again",
        "Every partition is asked to stop, then the machine is reset.",
    ),
    entry(
        "shutdown",
        Argument::None,
        "stop all and switch the machine off",
        "Every partition is asked to stop, then the machine is switched off.",
    ),
];

/// The verb with this name.
#[must_use]
pub fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}
