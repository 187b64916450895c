//! What each command does.

mod audit;
mod capabilities;
mod change;
mod channels;
mod console;
mod create;
mod devices;
mod dump;
mod hardware;
mod machine;
mod map;
mod partitions;
mod plan;
mod settings;
mod trace;
mod transactions;
mod upgrade;
mod waits;

use crate::complaint::Complaint;
use crate::dumping::Dump;
use crate::list::List;
use crate::surroundings::Surroundings;
use change::Change;
use console_grammar::{Command, Look, Overview, Page, parse};
use resource_service::Service;

/// How a command ended.
pub type Outcome<'a> = Result<(), Complaint<'a>>;

/// Records asked for by `trace` where no count is given.
const TRACE_RECORDS: u32 = 24;

/// What became of a command.
pub enum Ran {
    /// It ended with this status, 0 for success.
    Ended(u8),
    /// A dump has begun.
    Goes(Dump),
}

/// Does one command, or begins it. What went wrong was said then.
pub fn run(surroundings: &mut impl Surroundings, service: &mut Service, text: &str) -> Ran {
    let mut list = List::default();
    let done = parse(text).map_err(Complaint::from).and_then(|command| {
        if needs_list(command) {
            list = List::fetch(surroundings)?;
        }
        Ok(command)
    });
    let done = done.and_then(|command| match command {
        Command::Dump(Some((name, look))) if look != Look::Forget => {
            dump::begin(surroundings, &list, name, look).map(Some)
        }
        command => perform(surroundings, service, &list, command).map(|()| None),
    });
    match done {
        Ok(None) => Ran::Ended(0),
        Ok(Some(dump)) => Ran::Goes(dump),
        Err(complaint) => {
            // Writing to the surroundings cannot fail.
            let _ = writeln!(surroundings, "{complaint}");
            Ran::Ended(1)
        }
    }
}

const fn needs_list(command: Command<'_>) -> bool {
    !matches!(
        command,
        Command::Help(_)
            | Command::Uptime
            | Command::Trace(_)
            | Command::Machine
            | Command::Hardware
            | Command::Shutdown
            | Command::Reboot
    )
}

fn perform<'a>(
    surroundings: &mut impl Surroundings,
    service: &mut Service,
    list: &'a List,
    command: Command<'a>,
) -> Outcome<'a> {
    match command {
        Command::Ps => partitions::show(surroundings, list),
        Command::Start(name) => change::partition(surroundings, list, name, &Change::START),
        Command::Stop(name) => change::partition(surroundings, list, name, &Change::STOP),
        Command::Kill(name) => change::partition(surroundings, list, name, &Change::KILL),
        Command::Restart(name) => change::partition(surroundings, list, name, &Change::RESTART),
        Command::Pause(name) => change::partition(surroundings, list, name, &Change::PAUSE),
        Command::Resume(name) => change::partition(surroundings, list, name, &Change::RESUME),
        Command::Set(name, setting) => settings::set(surroundings, service, list, (name, setting)),
        Command::Move(name, processor) => {
            settings::relocate(surroundings, service, list, (name, processor))
        }
        Command::Dump(Some((name, _))) => dump::forget(surroundings, list, name),
        Command::Dump(None) => dump::show(surroundings, list),
        Command::Upgrade(wanted) => upgrade::upgrade(surroundings, list, wanted),
        Command::Create(name, said) => create::create(surroundings, service, list, (name, said)),
        Command::Destroy(name) => create::destroy(surroundings, list, name),
        Command::Plan => plan::show(surroundings, list),
        Command::Channels => channels::show(surroundings, list),
        Command::Caps(name) => capabilities::show(surroundings, list, name),
        Command::Log(name) => console::log(surroundings, list, name),
        Command::Console(name) => console::talk(surroundings, list, name),
        Command::Trace(count) => trace::show(surroundings, count.unwrap_or(TRACE_RECORDS)),
        Command::Machine => machine::show(surroundings),
        Command::Hardware => hardware::show(surroundings),
        Command::Map(area) => map::show(surroundings, list, area),
        Command::Transactions(count) => transactions::show(surroundings, list, count),
        Command::Transaction(number) => transactions::one(surroundings, list, number),
        Command::Audit => audit::show(surroundings, list),
        Command::Uptime => machine::uptime(surroundings),
        Command::Help(None) => Ok(write!(surroundings, "{Overview}")?),
        Command::Help(Some(verb)) => Ok(write!(surroundings, "{}", Page(verb))?),
        Command::Reboot => machine::off(surroundings, 1),
        Command::Shutdown => machine::off(surroundings, 0),
    }
}
