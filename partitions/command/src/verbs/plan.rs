//! `plan`.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, fetch_next};
use crate::words::{Duration, Thousandths};
use abi::control::PLAN_SLOTS;
use abi::message::resource::{Index, PlanRecord, ResourceRequest};
use abi::types::{MAX_PROCESSORS, Nanoseconds};

/// Slots in the left half of the table.
const HALF: usize = PLAN_SLOTS / 2;

/// The plan of each processor.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    for processor in 0..u32::from(MAX_PROCESSORS) {
        let index = Index { index: processor };
        let next = fetch_next::<PlanRecord>(surroundings, ResourceRequest::Plan, &index)?;
        let Some(plan) = next else { break };
        show_one(surroundings, list, processor, &plan)?;
    }
    Ok(())
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    processor: u32,
    plan: &PlanRecord,
) -> Outcome<'a> {
    let slot = Duration(Nanoseconds::new(u64::from(plan.slot).saturating_mul(1000)));
    if plan.slot == 0 {
        return Ok(writeln!(surroundings, "processor {processor}: failed, others do its work")?);
    }
    let idle = Thousandths(plan.idle.into());
    let interrupts = plan.timer_interrupts;
    writeln!(
        surroundings,
        "processor {processor}: a slot is {slot}, idle {idle}, timer interrupts {interrupts}"
    )?;
    for row in 0..HALF {
        for slot in [row, row.saturating_add(HALF)] {
            let owner = plan.slots.get(slot).map_or("", |&id| owner(list, id));
            let used = Thousandths(plan.used.get(slot).copied().unwrap_or(0).into());
            write!(surroundings, "  {slot:>4}  {owner:<18}{used:>8}")?;
        }
        writeln!(surroundings)?;
    }
    show_takers(surroundings, list, plan)
}

/// Who takes what the slots' owners leave over.
fn show_takers<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    plan: &PlanRecord,
) -> Outcome<'a> {
    write!(surroundings, "  what is left goes to")?;
    let takers = plan.takers.iter().copied().take_while(|&id| id != u16::MAX);
    let mut separator = " ";
    for id in takers {
        write!(surroundings, "{separator}{}", owner(list, id))?;
        separator = ", ";
    }
    Ok(writeln!(surroundings, "{}", if separator == " " { " nobody" } else { "" })?)
}

fn owner(list: &List, id: u16) -> &str {
    if id == u16::MAX { "-" } else { list.name(id.into()).unwrap_or("?") }
}
