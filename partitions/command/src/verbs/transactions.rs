//! `transactions` and `transaction`: the log of the resource manager's books.

use super::Outcome;
use crate::complaint::Complaint;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch, fetch_next};
use crate::words::{Duration, name_of};
use abi::message::database::MemoryOwner;
use abi::message::resource::ResourceRequest;
use abi::message::transaction::{
    NEWEST, StepKind, StepProblem, StepRecord, TransactionEnd, TransactionQuery, TransactionRecord,
};
use abi::types::Nanoseconds;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

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
        let (when, who) = (Duration(Nanoseconds::new(head.when)), who(list, head));
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
    let (when, who, what) = (Duration(Nanoseconds::new(head.when)), who(list, &head), what(&head));
    writeln!(surroundings, "transaction {}: {who}, {what}, at {when}", head.number)?;
    for step in 1..=head.steps {
        let query = TransactionQuery { number: head.number, step, reserved: 0 };
        let record = fetch::<StepRecord>(surroundings, ResourceRequest::Transaction, &query)?;
        writeln!(surroundings, "  {}", Step(&record, list))?;
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

/// Who asked.
fn who(list: &List, head: &TransactionRecord) -> String {
    partition(list, head.who)
}

fn partition(list: &List, id: u32) -> String {
    list.name(id).map_or_else(|| format!("partition {id}"), ToString::to_string)
}

/// For what.
fn what(head: &TransactionRecord) -> String {
    let code = u16::try_from(head.what).unwrap_or(u16::MAX);
    match ResourceRequest::from_code(code) {
        Some(request) => format!("{request:?}").to_lowercase(),
        None if code == 0 => String::from("-"),
        None => format!("request {code}"),
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
struct Step<'r>(&'r StepRecord, &'r List);

impl Step<'_> {
    fn owner(&self, kind: u16, id: u32) -> String {
        match MemoryOwner::from_code(kind) {
            Some(MemoryOwner::Partition) => partition(self.1, id),
            Some(other) => format!("{other:?}").to_lowercase(),
            None => String::from("?"),
        }
    }

    /// Index or range of indices.
    fn index(&self) -> String {
        let (first, count) = (self.0.index, self.0.count);
        match first.checked_add(count.saturating_sub(1)) {
            Some(last) if last > first => format!("IndexRange({first},{last})"),
            _ => format!("Index({first})"),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(step, list) = self;
        let (map, page, name) = (Page(step.map), Page(step.page), name_or_words(step));
        let from = || self.owner(step.from, step.from_id);
        let change = Change(step);
        match StepKind::from_code(step.kind) {
            Some(StepKind::ChangeOwner) => {
                let (index, to) = (self.index(), self.owner(step.to, step.to_id));
                write!(f, "Change Owner Map{map}, {index}, from {} to {to}", from())
            }
            Some(StepKind::Initialize) => write!(f, "Initialize Partition{page} (\"{name}\")"),
            Some(StepKind::Destroy) => write!(f, "Destroy Partition{page}"),
            Some(StepKind::Merge) => {
                let (index, from) = (self.index(), from());
                write!(f, "Merge Map{map}, {index}, {{From Map{page}, For {from}}}")
            }
            Some(StepKind::Split) => {
                let (index, from) = (self.index(), from());
                write!(f, "Split Map{map}, {index}, Into Map{page}, {{For {from}}}")
            }
            Some(StepKind::Partition) => {
                write!(f, "Set {}, {name}, {change}", partition(list, step.from_id))
            }
            Some(StepKind::Channel) => write!(f, "Set channel {}, {name}, {change}", step.from_id),
            Some(StepKind::Processor) => {
                write!(f, "Set processor {}, {name}, {change}", step.from_id)
            }
            Some(StepKind::Device) => write!(f, "Set device {}, {name}, {change}", step.from_id),
            None => f.write_str("?"),
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
