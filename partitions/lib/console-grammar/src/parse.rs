//! From text to typed commands.

use crate::creation::{Area, Creation, area, creation};
use crate::mistake::Mistake;
use crate::nearest::nearest;
use crate::settings::{Setting, destination, setting};
use crate::verbs::{Argument, VERBS, Verb, verb};
use abi::image::NAME_LENGTH;

/// What a person asked for. Names are as typed: whether there is such a partition, the caller knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// List the partitions.
    Ps,
    /// Start this partition.
    Start(&'a str),
    /// Ask it to stop.
    Stop(&'a str),
    /// Stop it at once.
    Kill(&'a str),
    /// Stop it and start it anew.
    Restart(&'a str),
    /// Which corpses there are, or what is to become of that of one partition.
    Dump(Option<(&'a str, Look)>),
    /// Which versions there are, or what is to become of that of one partition.
    Upgrade(Option<(&'a str, Going)>),
    /// Make one more like this partition.
    Create(&'a str, Creation),
    /// End this one that was made so.
    Destroy(&'a str),
    /// Stop it where it is, to go on there.
    Pause(&'a str),
    /// Let it go on.
    Resume(&'a str),
    /// Change what it has.
    Set(&'a str, Setting),
    /// Move it to this processor.
    Move(&'a str, u32),
    /// The plan of each processor.
    Plan,
    /// The channels.
    Channels,
    /// The capabilities of this partition.
    Caps(&'a str),
    /// The last lines of this partition's console, or of the operator's.
    Log(Option<&'a str>),
    /// The newest records of the trace, so many if given.
    Trace(Option<u32>),
    /// Talk to this partition.
    Console(&'a str),
    /// Processors and memory.
    Machine,
    /// What the machine is made of.
    Hardware,
    /// Whose memory is: of the whole machine, or this part of it.
    Map(Option<Area>),
    /// Check the kernel's books.
    Audit,
    /// The last transactions of the books, so many if given.
    Transactions(Option<u32>),
    /// The steps of this transaction, or of the last.
    Transaction(Option<u32>),
    /// How long the machine runs.
    Uptime,
    /// The overview, or what is to know about one verb.
    Help(Option<&'static Verb>),
    /// Start the machine again.
    Reboot,
    /// Switch the machine off.
    Shutdown,
}

/// What is wanted of a partition's version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Going {
    /// The next one from its next start on.
    Later,
    /// The next one at once.
    Now,
    /// The one before.
    Back,
}

impl Going {
    /// Each with the word that is typed for it.
    pub(crate) const ALL: [(Self, &'static str); 2] = [(Self::Now, "now"), (Self::Back, "back")];
}

/// What is wanted of a partition that stands still, or of what was kept of its last life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// It, as it is.
    Now,
    /// What was kept.
    Last,
    /// That nothing is kept any more.
    Forget,
}

impl Look {
    /// Each with the word that is typed for it.
    pub(crate) const ALL: [(Self, &'static str); 2] =
        [(Self::Last, "last"), (Self::Forget, "forget")];
}

/// The commands on a line: its parts between `;`, without blank ones.
pub fn commands(line: &str) -> impl Iterator<Item = &str> {
    line.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// Reads one command.
///
/// # Errors
/// A [`Mistake`] says in words what is wrong and what to type instead.
pub fn parse(text: &str) -> Result<Command<'_>, Mistake<'_>> {
    let mut words = text.split_whitespace();
    let word = words.next().unwrap_or_default();
    let verb = verb(word).ok_or_else(|| unknown(word))?;
    if verb.argument == Argument::OptionalArea {
        return Ok(Command::Map(area(verb, words)?));
    }
    let argument = words.next();
    if verb.argument == Argument::OptionalVersion {
        let wanted = choice(verb, argument, words, &Going::ALL)?;
        let wanted = wanted.map(|(name, going)| (name, going.unwrap_or(Going::Later)));
        return Ok(Command::Upgrade(wanted));
    }
    if verb.argument == Argument::OptionalCorpse {
        let wanted = choice(verb, argument, words, &Look::ALL)?;
        return Ok(Command::Dump(wanted.map(|(name, look)| (name, look.unwrap_or(Look::Now)))));
    }
    if matches!(verb.argument, Argument::Setting | Argument::Destination | Argument::Creation) {
        return with_more(verb, argument, words);
    }
    if let Some(extra) = words.next() {
        return Err(Mistake::TooMuch { verb, word: extra });
    }
    typed(verb, argument)
}

/// No such verb: is there one like it?
fn unknown(word: &str) -> Mistake<'_> {
    let meant = MEANT.iter().find(|(other, _)| other.eq_ignore_ascii_case(word));
    let same = VERBS.iter().find(|verb| verb.name.eq_ignore_ascii_case(word));
    let near = || nearest(word, VERBS.iter().map(|verb| verb.name));
    let known = meant.map(|(_, verb)| *verb).or(same.map(|verb| verb.name));
    Mistake::UnknownVerb { word, nearest: known.or_else(near) }
}

/// What people type who come from other systems, and the verb that does it here.
pub(crate) const MEANT: [(&str, &str); 22] = [
    ("?", "help"),
    ("man", "help"),
    ("ls", "ps"),
    ("list", "ps"),
    ("top", "ps"),
    ("free", "machine"),
    ("mem", "machine"),
    ("lspci", "hardware"),
    ("lscpu", "hardware"),
    ("dmesg", "log"),
    ("core", "dump"),
    ("gcore", "dump"),
    ("attach", "console"),
    ("suspend", "pause"),
    ("continue", "resume"),
    ("unpause", "resume"),
    ("migrate", "move"),
    ("exit", "shutdown"),
    ("quit", "shutdown"),
    ("halt", "shutdown"),
    ("poweroff", "shutdown"),
    ("reset", "reboot"),
];

fn typed<'a>(verb: &'static Verb, argument: Option<&'a str>) -> Result<Command<'a>, Mistake<'a>> {
    match verb.argument {
        Argument::None => match argument {
            Some(word) => Err(Mistake::TooMuch { verb, word }),
            None => Ok(alone(verb)),
        },
        Argument::Name => with_name(verb, checked(argument)?.ok_or(Mistake::MissingName { verb })?),
        Argument::OptionalName => Ok(Command::Log(checked(argument)?)),
        Argument::OptionalCount => Ok(with_count(verb, count(argument)?)),
        Argument::OptionalVerb => Ok(Command::Help(topic(argument)?)),
        _ => Err(Mistake::Incomplete { verb }),
    }
}

/// A name and what is to become of it.
fn with_more<'a>(
    verb: &'static Verb,
    name: Option<&'a str>,
    words: impl Iterator<Item = &'a str>,
) -> Result<Command<'a>, Mistake<'a>> {
    let missing = match verb.argument {
        Argument::Creation => Mistake::MissingName { verb },
        _ => Mistake::Incomplete { verb },
    };
    let name = checked(name)?.ok_or(missing)?;
    Ok(match verb.argument {
        Argument::Creation => Command::Create(name, creation(verb, words)?),
        Argument::Setting => Command::Set(name, setting(verb, words)?),
        _ => Command::Move(name, destination(verb, words)?),
    })
}

/// A name, and one of some words or nothing; or nothing at all.
fn choice<'a, T: Copy>(
    verb: &'static Verb,
    name: Option<&'a str>,
    mut words: impl Iterator<Item = &'a str>,
    all: &[(T, &str)],
) -> Result<Option<(&'a str, Option<T>)>, Mistake<'a>> {
    let Some(name) = checked(name)? else { return Ok(None) };
    let Some(word) = words.next() else { return Ok(Some((name, None))) };
    let known = all.iter().find(|(_, known)| *known == word);
    match (known, words.next()) {
        (Some((wanted, _)), None) => Ok(Some((name, Some(*wanted)))),
        (_, extra) => Err(Mistake::TooMuch { verb, word: extra.unwrap_or(word) }),
    }
}

fn alone(verb: &Verb) -> Command<'static> {
    match verb.name {
        "ps" => Command::Ps,
        "plan" => Command::Plan,
        "channels" => Command::Channels,
        "machine" => Command::Machine,
        "hardware" => Command::Hardware,
        "audit" => Command::Audit,
        "uptime" => Command::Uptime,
        "reboot" => Command::Reboot,
        "shutdown" => Command::Shutdown,
        _ => Command::Help(None),
    }
}

const fn with_count(verb: &Verb, count: Option<u32>) -> Command<'static> {
    match verb.name.as_bytes() {
        b"transactions" => Command::Transactions(count),
        b"transaction" => Command::Transaction(count),
        _ => Command::Trace(count),
    }
}

fn with_name<'a>(verb: &'static Verb, name: &'a str) -> Result<Command<'a>, Mistake<'a>> {
    Ok(match verb.name {
        "start" => Command::Start(name),
        "stop" => Command::Stop(name),
        "kill" => Command::Kill(name),
        "restart" => Command::Restart(name),
        "pause" => Command::Pause(name),
        "resume" => Command::Resume(name),
        "destroy" => Command::Destroy(name),
        "caps" => Command::Caps(name),
        "console" => Command::Console(name),
        _ => Command::Help(Some(verb)),
    })
}

/// A name that a partition could have.
fn checked(argument: Option<&str>) -> Result<Option<&str>, Mistake<'_>> {
    let Some(name) = argument else { return Ok(None) };
    let fits = name.len() <= NAME_LENGTH;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if fits && name.bytes().all(plain) {
        Ok(Some(name))
    } else {
        Err(Mistake::NotAName { word: name })
    }
}

fn count(argument: Option<&str>) -> Result<Option<u32>, Mistake<'_>> {
    let Some(word) = argument else { return Ok(None) };
    match word.parse() {
        Ok(count) if count > 0 => Ok(Some(count)),
        _ => Err(Mistake::NotACount { word }),
    }
}

fn topic(argument: Option<&str>) -> Result<Option<&'static Verb>, Mistake<'_>> {
    let Some(word) = argument else { return Ok(None) };
    verb(word).map(Some).ok_or_else(|| unknown(word))
}
