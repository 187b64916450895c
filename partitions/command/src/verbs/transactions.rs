//! `transactions` and `transaction`: the log of the resource manager's books.

use super::Outcome;
use super::devices::What;
use crate::complaint::Complaint;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch, fetch_next};
use crate::words::{Duration, name_of};
use abi::control::PLAN_SLOTS;
use abi::image::Name;
use abi::message::database::{DeviceRecord, MemoryOwner};
use abi::message::resource::ResourceRequest;
use abi::message::transaction::{
    NEWEST, NameQuery, OwnWork, StepKind, StepProblem, StepRecord, TransactionEnd,
    TransactionQuery, TransactionRecord,
};
use abi::types::Nanoseconds;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use zerocopy::FromZeros;

/// Transactions that are listed where no count is given.
const SOME: u32 = 16;
/// Most that are listed: more than the log holds, so that one without end has an end.
const MOST: u32 = 4096;

/// The last transactions, the newest last.
pub fn show<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    count: Option<u32>,
) -> Outcome<'a> {
    let mut found = Vec::new();
    let mut next = Some(NEWEST);
    for _ in 0..count.unwrap_or(SOME).min(MOST) {
        let Some(number) = next else { break };
        let Some(head) = head(surroundings, number)? else { break };
        next = head.number.checked_sub(1).filter(|&before| before > 0 && before < number);
        found.push(head);
    }
    writeln!(surroundings, "  NUMBER        WHEN WHO              ASKED FOR        STEPS ENDED")?;
    for head in found.iter().rev() {
        let who = name(surroundings, list, head.who, head.number)?;
        let when = Duration(Nanoseconds::new(head.when));
        let (number, what, steps, end) = (head.number, what(head), head.steps, End(head));
        writeln!(surroundings, "{number:>8} {when:>11} {who:<16} {what:<16} {steps:>5} {end}")?;
    }
    Ok(())
}

/// One transaction, step by step.
pub fn one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    number: Option<u32>,
) -> Outcome<'a> {
    let wanted = number.map_or(NEWEST, u64::from);
    let head = head(surroundings, wanted)?;
    let head = head.filter(|head| wanted == NEWEST || head.number == wanted);
    let Some(head) = head else {
        return Err(Complaint::Forgotten);
    };
    let who = name(surroundings, list, head.who, head.number)?;
    let (when, what) = (Duration(Nanoseconds::new(head.when)), what(&head));
    writeln!(surroundings, "transaction {}: {who}, {what}, at {when}", head.number)?;
    for step in 1..=head.steps {
        let query = TransactionQuery { number: head.number, step, reserved: 0 };
        let record = fetch::<StepRecord>(surroundings, ResourceRequest::Transaction, &query)?;
        let step = Step::new(surroundings, list, &record, head.number)?;
        writeln!(surroundings, "  {step}")?;
    }
    Ok(writeln!(surroundings, "{}", End(&head))?)
}

fn head(
    surroundings: &mut impl Surroundings,
    number: u64,
) -> Result<Option<TransactionRecord>, Trouble> {
    let query = TransactionQuery { number, step: 0, reserved: 0 };
    fetch_next(surroundings, ResourceRequest::Transaction, &query)
}

/// Name of the partition that had a number in a transaction; the number with it where it is gone.
fn name(
    surroundings: &mut impl Surroundings,
    list: &List,
    partition: u32,
    number: u64,
) -> Result<String, Trouble> {
    let query = NameQuery { number, partition, reserved: 0 };
    let then = fetch_next::<Name>(surroundings, ResourceRequest::Named, &query)?;
    let then = then.map(|then| String::from(name_of(&then)));
    let now = list.name(partition);
    Ok(match then {
        Some(then) if now.is_some_and(|now| now == then) => then,
        Some(then) => format!("{then} (was {partition})"),
        None => format!("partition {partition}"),
    })
}

/// For what.
fn what(head: &TransactionRecord) -> String {
    let code = u16::try_from(head.what).unwrap_or(u16::MAX);
    match ResourceRequest::from_code(code) {
        Some(request) => format!("{request:?}").to_lowercase(),
        None => match OwnWork::from_code(code) {
            Some(OwnWork::Watch) => String::from("what is due"),
            Some(OwnWork::FirstStart) => String::from("first start"),
            Some(OwnWork::Return) => String::from("its return"),
            None => format!("request {code}"),
        },
    }
}

/// How it ended.
struct End<'r>(&'r TransactionRecord);

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TransactionEnd::from_code(self.0.end) {
            Some(TransactionEnd::Committed) => f.write_str("committed"),
            Some(TransactionEnd::Undone) => f.write_str("undone"),
            Some(TransactionEnd::InProgress) => f.write_str("in progress"),
            Some(TransactionEnd::Refused) => write!(f, "refused: {}", problem(self.0.problem)),
            None => f.write_str("?"),
        }
    }
}

/// Why the next step was not possible.
fn problem(code: u16) -> &'static str {
    match StepProblem::from_code(code) {
        Some(StepProblem::Outside) => "there is no such place",
        Some(StepProblem::NotDivided) => "the memory is not divided so finely",
        Some(StepProblem::OtherOwner) => "the memory has another owner",
        Some(StepProblem::NoPartition) => "there is no such partition",
        Some(StepProblem::InUse) => "the database uses that page",
        Some(StepProblem::Descriptor) => "it is a partition's descriptor",
        Some(StepProblem::NotEmpty) => "the partition has memory still",
        Some(StepProblem::Protected) => "that partition stays",
        Some(StepProblem::Lost) => "a page would serve for nothing",
        Some(StepProblem::NotOwn) => "a descriptor would not be its own",
        Some(StepProblem::Length) => "too many steps",
        Some(StepProblem::Damaged) => "the map is damaged there",
        Some(StepProblem::NoRecord) => "there are no records in that page",
        Some(StepProblem::Differs) => "a value is not what it was taken for",
        Some(StepProblem::Taken) => "the device is another's",
        Some(StepProblem::NoPlace) => "a plan would name who is not there",
        Some(StepProblem::MayNot) => "the asker may not ask this",
        Some(StepProblem::NoSuch) => "there is no such thing",
        Some(StepProblem::WrongState) => "not in this state",
        Some(StepProblem::Disagrees) => "what the asker takes it for is not so",
        Some(StepProblem::NoMemory) => "memory is out",
        Some(StepProblem::Limit) => "there is no room for it",
        Some(StepProblem::Kernel) => "the kernel refused",
        Some(StepProblem::Malformed) => "it makes no sense",
        None => "?",
    }
}

/// A page as the document writes it.
struct Page(u32);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{},{},{}]", self.0 >> 20, self.0 >> 10 & 1023, self.0 & 1023)
    }
}

/// A step as the document writes it.
struct Step<'r> {
    record: &'r StepRecord,
    /// Who had it, or whose row it is; and who has it then.
    from: String,
    to: String,
}

impl<'r> Step<'r> {
    /// Asks for the names in it.
    fn new(
        surroundings: &mut impl Surroundings,
        list: &List,
        record: &'r StepRecord,
        number: u64,
    ) -> Result<Self, Trouble> {
        let partition = MemoryOwner::Partition.code();
        let from = if record.kind == StepKind::Partition.code() { partition } else { record.from };
        let mut owner = |kind: u16, id: u32| match MemoryOwner::from_code(kind) {
            Some(MemoryOwner::Partition) => name(surroundings, list, id, number),
            Some(other) => Ok(format!("{other:?}").to_lowercase()),
            None => Ok(String::from("?")),
        };
        let (from, to) = (owner(from, record.from_id)?, owner(record.to, record.to_id)?);
        Ok(Self { record, from, to })
    }

    /// Index or range of indices.
    fn index(&self) -> String {
        let (first, count) = (self.record.index, self.record.count);
        match first.checked_add(count.saturating_sub(1)) {
            Some(last) if last > first => format!("IndexRange({first},{last})"),
            _ => format!("Index({first})"),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record: step, from, to } = self;
        let (map, page, name) = (Page(step.map), Page(step.page), name_or_words(step));
        let change = Change(step);
        match StepKind::from_code(step.kind) {
            Some(StepKind::ChangeOwner) => {
                write!(f, "Change Owner Map{map}, {}, from {from} to {to}", self.index())
            }
            Some(StepKind::Initialize) => write!(f, "Initialize Partition{page} (\"{name}\")"),
            Some(StepKind::Destroy) => write!(f, "Destroy Partition{page}"),
            Some(StepKind::Merge) => {
                let index = self.index();
                write!(f, "Merge Map{map}, {index}, {{From Map{page}, For {from}}}")
            }
            Some(StepKind::Split) => {
                let index = self.index();
                write!(f, "Split Map{map}, {index}, Into Map{page}, {{For {from}}}")
            }
            Some(StepKind::Partition) => write!(f, "Set {from}, {name}, {change}"),
            Some(StepKind::Channel) => write!(f, "Set channel {}, {name}, {change}", step.from_id),
            Some(StepKind::Processor) if name.is_empty() => {
                let (processor, place) = (step.page, PlaceOf(step.index));
                write!(f, "Set processor {processor}, {place}, from {from} to {to}")
            }
            Some(StepKind::Device) if name.is_empty() => {
                let (device, kind, first) = (step.page, step.scale, step.first);
                let count = step.before;
                let row = DeviceRecord { first, count, kind, ..DeviceRecord::new_zeroed() };
                write!(f, "Change Owner device {device}, {}, from {from} to {to}", What(&row))
            }
            Some(StepKind::Processor) => {
                write!(f, "Set processor {}, {name}, {change}", step.from_id)
            }
            Some(StepKind::Device) => write!(f, "Set device {}, {name}, {change}", step.from_id),
            None => f.write_str("?"),
        }
    }
}

/// A place of a plan.
struct PlaceOf(u16);

impl fmt::Display for PlaceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::from(self.0).checked_sub(PLAN_SLOTS) {
            None => write!(f, "slot {}", self.0),
            Some(taker) => write!(f, "taker of slack {}", taker.saturating_add(1)),
        }
    }
}

/// A name, or the words for a value.
fn name_or_words(step: &StepRecord) -> &str {
    let text = abi::image::name_text(&step.name);
    let plain = |letter: u8| letter.is_ascii_graphic() || letter == b' ';
    if text.bytes().all(plain) { text } else { name_of(&step.name) }
}

/// What a value was and is.
struct Change<'r>(&'r StepRecord);

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}", Number(self.0.before), Number(self.0.after))
    }
}

/// A number; a large one in hexadecimal.
struct Number(u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1 << 20 { write!(f, "{}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}
