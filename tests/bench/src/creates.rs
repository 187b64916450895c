//! What the resource manager's work costs: a partition made and ended, a plan changed.

use crate::asks::Trouble;
use crate::report::Report;
use crate::stamp;
use abi::control::ProcessorOperation;
use abi::image::name_text;
use abi::message::change::Change;
use abi::message::resource::{
    Index, PartitionRecord, ResourceRequest, ResourceStatus, TraceQuery, TraceRecord,
};
use abi::rights::Kind;
use abi::trace::{TRACE_RECORDS, TraceKind};
use abi::types::Nanoseconds;
use rt::protocol::Resources;
use rt::{Client, System, bytes, sys, time};

/// Partitions made and ended; the one in the middle counts.
const ROUNDS: usize = 33;
/// The definition of a small one: an idle program, a page of stack.
const SMALL: &str = "small";
/// Who gets another share, and its own by the manifest.
const OTHER: &str = "serves";
const SHARE: u32 = 10;
/// How long an answer may take.
const PATIENCE: Nanoseconds = time::seconds(5);
/// Two frames, in which a new plan is made.
const SETTLED: Nanoseconds = time::milliseconds(320);

/// The side that creates.
struct Creates<'s> {
    system: &'s mut System,
    manager: Client<Resources>,
}

/// Measures and reports.
pub fn measure(system: &mut System, report: &mut Report) -> Result<(), Trouble> {
    let manager = system.client::<Resources>("resource").ok_or(Trouble::NoFigure)?;
    let mut creates = Creates { system, manager };
    let small = creates.id_of(SMALL)?;
    let [mut making, mut both] = [[0; ROUNDS]; 2];
    for (making, both) in making.iter_mut().zip(&mut both) {
        let begin = stamp::now();
        let made: Index = creates.ask(ResourceRequest::Create, bytes(&Index { index: small }))?;
        let middle = stamp::now();
        creates.ask::<[u8; 0]>(ResourceRequest::Destroy, bytes(&made))?;
        (*making, *both) = (middle - begin, stamp::now() - begin);
    }
    making.sort_unstable();
    both.sort_unstable();
    report.figure("create-destroy", both[ROUNDS / 2], 1);
    report.figure("create", making[ROUNDS / 2], 1);
    report.figure("plan-change", creates.plan_change()?, 1);
    Ok(())
}

impl Creates<'_> {
    fn ask<T: zerocopy::FromBytes>(
        &mut self,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<T, Trouble> {
        let answer = self.manager.call(self.system, request, body, time::after(PATIENCE))?;
        let done = answer.status() == Ok(ResourceStatus::Ok);
        answer.body().filter(|_| done).ok_or(Trouble::NoFigure)
    }

    fn id_of(&mut self, name: &str) -> Result<u32, Trouble> {
        let mut index = 0;
        loop {
            let body = Index { index };
            let record: PartitionRecord = self.ask(ResourceRequest::Partition, bytes(&body))?;
            if name_text(&record.name) == name {
                return Ok(record.id);
            }
            index = record.id + 1;
        }
    }

    /// The other side gets a share of the processor less, and has it back afterwards. From where the resource manager begins to run
    /// with the request, to where it waits again after it has committed the plan, as the kernel's trace tells.
    fn plan_change(&mut self) -> Result<u64, Trouble> {
        let partition = self.id_of(OTHER)?;
        let change = |before, after| Change { partition, before, after };
        self.ask::<[u8; 0]>(ResourceRequest::SetShare, bytes(&change(SHARE, SHARE - 1)))?;
        let cost = self.last_commit()?;
        self.ask::<[u8; 0]>(ResourceRequest::SetShare, bytes(&change(SHARE - 1, SHARE)))?;
        let _ = sys::wait(0, time::after(SETTLED));
        Ok(cost)
    }

    /// Ticks that the resource manager ran without a break when it committed a plan last.
    fn last_commit(&mut self) -> Result<u64, Trouble> {
        // Nothing is waited for, so it always ends by its deadline.
        let _ = sys::wait(0, time::after(SETTLED));
        let (mut end, mut committed) = (0, false);
        for back in 0..TRACE_RECORDS as u32 {
            let query = TraceQuery { processor: 0, back };
            let record: TraceRecord = self.ask(ResourceRequest::Trace, bytes(&query))?;
            // That with which it is committed, for it takes over alone.
            let commit = [Kind::Processor as u64, ProcessorOperation::Stage as u64];
            if record.kind == TraceKind::Switch as u32 {
                if committed {
                    return Ok(end - record.time);
                }
                end = record.time;
            }
            committed |=
                record.kind == TraceKind::Control as u32 && [record.first, record.second] == commit;
        }
        Err(Trouble::NoFigure)
    }
}
