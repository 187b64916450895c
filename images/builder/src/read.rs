//! From TOML to a [`Manifest`]: which keys there are, their ranges and defaults.

use crate::diagnostic::Diagnostic;
use crate::fields::{Fields, Read, unknown_word};
use crate::manifest::{Channel, Grant, Located, Manifest, Partition};
use crate::zones;
use abi::channel::{ChannelKind, MAX_RING_SHIFT, Versions};
use abi::control::PLAN_SLOTS;
use abi::layout;
use abi::manifest::{GrantKind, Isolation, PartitionFlags, PartitionRole};
use abi::types::{MAX_PROCESSORS, PAGE_SIZE};
use std::ops::Range;
use toml::de::DeTable;

const TOP: [&str; 4] = ["image", "partition", "channel", "zone"];
const IMAGE: [&str; 4] = ["name", "slot", "page-table-isolation", "processor-watch"];
const PARTITION: [&str; 35] = [
    "name",
    "program",
    "role",
    "rescuer",
    "restarts",
    "backoff",
    "proof",
    "group",
    "watchdog",
    "doorbells",
    "processor",
    "share",
    "slack",
    "idle-states",
    "contexts",
    "stack",
    "heap",
    "lasting",
    "clients",
    "version",
    "up-within",
    "start",
    "boot-image",
    "debug",
    "creator",
    "tester",
    "reaper",
    "policy",
    "self",
    "ports",
    "interrupts",
    "devices",
    "power-zones",
    "memory-zones",
    "processor-zones",
];
const CHANNEL: [&str; 10] = [
    "name",
    "client-name",
    "server-name",
    "client",
    "server",
    "kind",
    "entries",
    "data",
    "client-speaks",
    "server-speaks",
];
const PORTS: [&str; 3] = ["name", "base", "count"];
const INTERRUPT: [&str; 3] = ["name", "isa", "line"];
const DEVICE: [&str; 4] = ["name", "address", "size", "firmware"];
/// What of the firmware's can be given, whose place is known only when the machine starts.
const FIRMWARE: [(GrantKind, &str); 1] = [(GrantKind::Framebuffer, "framebuffer")];

/// Times a manifest may ask for, where nothing narrower is said: up to an hour.
const HOUR: u64 = 3_600_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Shortest time of a watchdog: looks are no closer together than a tenth of it.
const SHORTEST_WATCHDOG: u64 = 10 * MILLISECOND;
/// Most doorbells in a second that a limit may allow.
const MOST_DOORBELLS: u64 = 1_000_000_000;
/// Most clients that may join a partition: the information pages have no room for more.
const MOST_CLIENTS: u64 = 4000;
/// Highest version of a program.
const LAST_VERSION: u64 = 1_000_000;
/// Shortest time in which a version may have to be up.
const SHORTEST_UP: u64 = 10 * MILLISECOND;
/// Highest number of an interrupt line.
const LAST_LINE: u64 = 255;
/// Highest ISA interrupt.
const LAST_ISA: u64 = 15;

/// Reads the whole file.
pub(crate) fn manifest(text: &str) -> Read<Manifest> {
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let problem = Diagnostic::new(&span, error.message().replace('\n', ", "));
        match advice(text, &span) {
            Some(advice) => problem.help(advice),
            None => problem,
        }
    })?;
    let top = Fields::new(document.get_ref(), 0..0, "the manifest", &TOP)?;
    let image = top.table("image", &IMAGE)?;
    let partitions = top.tables("partition", "a [[partition]]", &PARTITION)?;
    let channels = top.tables("channel", "a [[channel]]", &CHANNEL)?;
    let zones = top.tables("zone", "a [[zone]]", &zones::ZONE)?;
    Ok(Manifest {
        name: image.required_text("name")?,
        slot: image.time("slot", MILLISECOND, 20_000..=1_000 * MILLISECOND)?,
        isolation: image
            .word("page-table-isolation", &Isolation::ALL)?
            .map_or(Isolation::Auto, |word| word.value),
        watch: image.time("processor-watch", 0, MILLISECOND..=HOUR)?,
        partitions: partitions.iter().map(partition).collect::<Read<_>>()?,
        channels: channels.iter().map(channel).collect::<Read<_>>()?,
        zones: zones.iter().map(zones::read).collect::<Read<_>>()?,
    })
}

/// What to write instead of what is no TOML, where people often err.
fn advice(text: &str, span: &Range<usize>) -> Option<String> {
    let word = text.get(span.clone())?;
    let before = text.get(..span.start)?.trim_end();
    match word {
        "partition" | "channel" | "zone" if before.ends_with("[") && !before.ends_with("[[") => {
            Some(format!("there may be several, so write it with two brackets: [[{word}]]"))
        }
        _ if before.ends_with("=")
            && word.starts_with(|first: char| first.is_ascii_alphanumeric()) =>
        {
            Some(format!("write it as \"{word}\""))
        }
        _ => None,
    }
}

fn partition(fields: &Fields<'_>) -> Read<Partition> {
    let name = fields.required_text("name")?;
    let ordinary = Located::new(PartitionRole::Ordinary, fields.span().clone());
    let milliseconds = |time: u64| narrow(time / MILLISECOND);
    Ok(Partition {
        program: fields.text("program")?.unwrap_or_else(|| name.clone()),
        role: fields.word("role", &PartitionRole::ALL)?.unwrap_or(ordinary),
        rescuer: fields.text("rescuer")?,
        restarts: narrow(fields.number("restarts", 0..=1000)?.map_or(5, |number| number.value)),
        backoff: milliseconds(fields.time("backoff", 50 * MILLISECOND, 0..=HOUR)?),
        proof: milliseconds(fields.time("proof", 5_000 * MILLISECOND, 0..=HOUR)?),
        group: fields.text("group")?,
        watchdog: milliseconds(fields.time("watchdog", 0, SHORTEST_WATCHDOG..=HOUR)?),
        doorbells: narrow(fields.number("doorbells", 1..=MOST_DOORBELLS)?.map_or(0, |n| n.value)),
        processor: processor(fields)?,
        share: share(fields)?,
        contexts: contexts(fields)?,
        flags: flags(fields)?,
        stack: narrow(stack(fields)?),
        heap: room(fields, "heap", layout::HEAP_END - layout::HEAP)?,
        lasting: room(fields, "lasting", layout::LASTING_END - layout::LASTING)?,
        clients: fields
            .number("clients", 0..=MOST_CLIENTS)?
            .map(|number| Located::new(narrow(number.value), number.span)),
        version: narrow(fields.number("version", 1..=LAST_VERSION)?.map_or(1, |n| n.value)),
        up_within: milliseconds(fields.time(
            "up-within",
            2_000 * MILLISECOND,
            SHORTEST_UP..=HOUR,
        )?),
        grants: grants(fields)?,
        wishes: zones::wishes(fields)?,
        name,
    })
}

/// A number, or the word `"every"` for `None`. The default is processor 0.
fn processor(fields: &Fields<'_>) -> Read<Option<u16>> {
    if let Ok(Some(word)) = fields.text("processor") {
        return if word.value == "every" {
            Ok(None)
        } else {
            let help = "write a number, or \"every\"";
            Err(unknown_word("processor", &word, [].into_iter()).help(help))
        };
    }
    let number = fields.number("processor", 0..=u64::from(MAX_PROCESSORS) - 1)?;
    Ok(Some(number.map_or(0, |number| narrow(number.value))))
}

fn share(fields: &Fields<'_>) -> Read<Located<u16>> {
    let slots = u64::try_from(PLAN_SLOTS).unwrap_or(u64::MAX);
    let share = fields.number("share", 0..=slots)?;
    let share = share.unwrap_or_else(|| Located::new(0, fields.span().clone()));
    Ok(Located::new(narrow(share.value), share.span))
}

fn contexts(fields: &Fields<'_>) -> Read<u16> {
    let most = (layout::STACK_TOP - layout::STACK_LIMIT) / layout::STACK_STRIDE;
    let contexts = fields.number("contexts", 1..=most)?;
    match contexts {
        Some(given) if processor(fields)?.is_none() => {
            let message = "`contexts` is decided by the machine where `processor` is \"every\"";
            Err(Diagnostic::new(&given.span, message).help("leave `contexts` out"))
        }
        given => Ok(given.map_or(1, |number| narrow(number.value))),
    }
}

/// A stack leaves the page below it unmapped.
fn stack(fields: &Fields<'_>) -> Read<u64> {
    let pages = fields.pages("stack", 8, layout::STACK_STRIDE / PAGE_SIZE - 1)?;
    if pages > 0 {
        return Ok(pages);
    }
    let span = fields.text("stack")?.map_or_else(|| fields.span().clone(), |text| text.span);
    Err(Diagnostic::new(&span, "`stack` must be at least 4 KiB"))
}

fn room(fields: &Fields<'_>, key: &str, bytes: u64) -> Read<u32> {
    fields.pages(key, 0, bytes / PAGE_SIZE).map(narrow)
}

fn flags(fields: &Fields<'_>) -> Read<PartitionFlags> {
    let role = fields.word("role", &PartitionRole::ALL)?;
    let command = role.is_some_and(|role| role.value == PartitionRole::Command);
    let keys = [
        ("start", PartitionFlags::START, true),
        ("slack", PartitionFlags::SLACK, true),
        ("idle-states", PartitionFlags::RESTS, false),
        ("boot-image", PartitionFlags::BOOT_IMAGE, false),
        ("debug", PartitionFlags::DEBUG, false),
        ("creator", PartitionFlags::CREATOR, false),
        ("self", PartitionFlags::SELF, false),
        ("tester", PartitionFlags::TESTER, false),
        ("reaper", PartitionFlags::REAPER, false),
        ("policy", PartitionFlags::POLICY, command),
    ];
    let mut flags = PartitionFlags::empty();
    for (key, flag, default) in keys {
        flags.set(flag, fields.flag(key, default)?);
    }
    Ok(flags)
}

fn grants(fields: &Fields<'_>) -> Read<Vec<Grant>> {
    let ports = fields.tables("ports", "an item of `ports`", &PORTS)?;
    let interrupts = fields.tables("interrupts", "an item of `interrupts`", &INTERRUPT)?;
    let devices = fields.tables("devices", "an item of `devices`", &DEVICE)?;
    let ports = ports.iter().map(port);
    let interrupts = interrupts.iter().map(interrupt);
    ports.chain(interrupts).chain(devices.iter().map(device)).collect()
}

fn port(fields: &Fields<'_>) -> Read<Grant> {
    let base = fields.required_number("base", 0..=0xffff)?;
    let count = fields.number("count", 1..=0x1_0000 - base.value)?.map_or(1, |number| number.value);
    Ok(Grant { name: fields.required_text("name")?, kind: GrantKind::Ports, base, count })
}

fn interrupt(fields: &Fields<'_>) -> Read<Grant> {
    let name = fields.required_text("name")?;
    let (base, count) = match (fields.number("isa", 0..=LAST_ISA)?, fields.has("line")) {
        (Some(isa), false) => (isa, 1),
        (None, true) => (fields.required_number("line", 0..=LAST_LINE)?, 0),
        _ => {
            let message = "an interrupt has either `isa` or `line`";
            return Err(Diagnostic::new(fields.span(), message));
        }
    };
    Ok(Grant { name, kind: GrantKind::Interrupt, base, count })
}

fn device(fields: &Fields<'_>) -> Read<Grant> {
    if let Some(kind) = fields.word("firmware", &FIRMWARE)? {
        if fields.has("address") || fields.has("size") {
            let message = "a device has either `address` and `size`, or `firmware`";
            return Err(Diagnostic::new(fields.span(), message));
        }
        let (name, base) = (fields.required_text("name")?, Located::new(0, kind.span));
        return Ok(Grant { name, kind: kind.value, base, count: 0 });
    }
    let base = fields.required_number("address", 0..=(1 << 52) - PAGE_SIZE)?;
    if base.value % PAGE_SIZE != 0 {
        return Err(Diagnostic::new(&base.span, "`address` must be a multiple of 4096"));
    }
    let size = fields.required_text("size")?;
    let most = (layout::DEVICES_END - layout::DEVICES) / PAGE_SIZE;
    let count = fields.pages("size", 0, most)? * PAGE_SIZE;
    if count == 0 {
        return Err(Diagnostic::new(&size.span, "`size` must be at least 4 KiB"));
    }
    Ok(Grant { name: fields.required_text("name")?, kind: GrantKind::Device, base, count })
}

fn channel(fields: &Fields<'_>) -> Read<Channel> {
    let client = fields.required_text("client")?;
    let custom = Located::new(ChannelKind::Custom, fields.span().clone());
    let client_name = match fields.text("client-name")? {
        Some(name) => name,
        None => fields.required_text("name")?,
    };
    Ok(Channel {
        server_name: fields.text("server-name")?.unwrap_or_else(|| client.clone()),
        server: fields.required_text("server")?,
        kind: fields.word("kind", &ChannelKind::ALL)?.unwrap_or(custom),
        ring_shift: ring_shift(fields)?,
        data: narrow(fields.pages("data", 4, (64 << 20) / PAGE_SIZE)?),
        speaks: [speaks(fields, "client-speaks")?, speaks(fields, "server-speaks")?],
        client,
        client_name,
    })
}

/// Versions that an end speaks, the first where nothing is said.
fn speaks(fields: &Fields<'_>, key: &str) -> Read<Located<Versions>> {
    let Some(numbers) = fields.numbers(key, 1..=Versions::HIGHEST.into())? else {
        return Ok(Located::new(Versions::FIRST, fields.span().clone()));
    };
    let versions: Vec<u32> = numbers.value.into_iter().map(narrow).collect();
    if versions.is_empty() {
        let message = format!("`{key}` must name a version");
        return Err(Diagnostic::new(&numbers.span, message));
    }
    Ok(Located::new(Versions::of(&versions), numbers.span))
}

fn ring_shift(fields: &Fields<'_>) -> Read<u16> {
    let Some(entries) = fields.number("entries", 1..=1 << MAX_RING_SHIFT)? else { return Ok(5) };
    if entries.value.is_power_of_two() {
        return Ok(narrow(u64::from(entries.value.ilog2())));
    }
    Err(Diagnostic::new(&entries.span, "`entries` must be a power of two"))
}

/// A number whose range was checked when it was read.
fn narrow<T: TryFrom<u64> + Default>(number: u64) -> T {
    T::try_from(number).unwrap_or_default()
}
