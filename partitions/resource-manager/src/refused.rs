//! Refusals: what was asked, by whom and when stands in the log as much as what was done.

use crate::manager::{Machine, Manager};
use crate::requests::{Asker, REFUSAL_PAUSE, Reply};
use crate::trouble::Trouble;
use abi::channel::ChannelKind;
use abi::image::name_text;
use abi::message::resource::{ResourceRequest, ResourceStatus};
use abi::message::transaction::StepProblem;
use program_loader::Window;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Writes down that a request was refused, unless its transaction was, which is written down already. A flood of requests is none of
    /// records: nobody else than the command partition gets more than ten of them a second.
    pub fn note_refusal(
        &mut self,
        asker: Asker,
        request: ResourceRequest,
        decided: &Result<Reply, Trouble>,
        before: u64,
    ) {
        let (status, inner) = match decided {
            Ok(reply) => (reply.parts().0, None),
            Err(trouble @ Trouble::Status(_)) => (trouble.status(), None),
            Err(trouble) => (trouble.status(), Some(*trouble)),
        };
        let Some(problem) = problem(status).filter(|_| counts(request, status)) else { return };
        if self.may_note(asker) && self.books.last_number() == before {
            self.books.note_refusal(problem.code());
        }
        // What neither asker nor rules are to blame for. A shortage meets many, and each is answered: the log is enough.
        let shortage = [ResourceStatus::NoMemory, ResourceStatus::Limit].contains(&status);
        if let Some(trouble) = inner.filter(|_| !shortage && self.may_tell_refusal()) {
            let name = self.row(asker.partition).map(|row| row.name).unwrap_or_default();
            self.say(format_args!("{request:?} of {} was not done: {trouble}", name_text(&name)));
        }
    }

    fn may_note(&mut self, asker: Asker) -> bool {
        if asker.kind == ChannelKind::Command {
            return true;
        }
        let now = self.machine.now();
        let due = now >= self.next_note;
        if due {
            self.next_note = now.saturating_add(REFUSAL_PAUSE);
        }
        due
    }
}

/// Whether a refusal is worth a record: of what would have changed something, or of what somebody may not even ask. That there is no more to
/// make or to start is none: whoever makes all asks for one after the other until then.
fn counts(request: ResourceRequest, status: ResourceStatus) -> bool {
    use ResourceRequest as R;
    let questions = [
        R::Partition,
        R::Plan,
        R::Channel,
        R::Capability,
        R::Trace,
        R::Machine,
        R::Audit,
        R::Hardware,
        R::Transaction,
        R::Named,
        R::Function,
        R::Stopped,
        R::Snapshot,
        R::Changes,
        R::Map,
        R::Versions,
        R::Core,
        R::Corpse,
    ];
    let last = matches!(request, R::MakeDefined | R::StartDefined);
    let question = questions.contains(&request) || last && status == ResourceStatus::NoSuch;
    status == ResourceStatus::NotAllowed || !question
}

/// How a refusal is written down; `None` for what is none.
fn problem(status: ResourceStatus) -> Option<StepProblem> {
    Some(match status {
        ResourceStatus::Ok => return None,
        ResourceStatus::NotAllowed => StepProblem::MayNot,
        ResourceStatus::NoSuch => StepProblem::NoSuch,
        ResourceStatus::WrongState | ResourceStatus::Busy => StepProblem::WrongState,
        ResourceStatus::Disagrees => StepProblem::Disagrees,
        ResourceStatus::NoMemory => StepProblem::NoMemory,
        ResourceStatus::Limit => StepProblem::Limit,
        ResourceStatus::Kernel => StepProblem::Kernel,
        ResourceStatus::Malformed | ResourceStatus::BadProgram => StepProblem::Malformed,
    })
}
