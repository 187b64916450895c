//! Rescues assist, and tells suite why it had to.

#![no_std]
#![no_main]

use abi::fault::reason_name;
use abi::image::name_text;
use abi::message::resource::{Index, ResourceRequest, ResourceStatus, StoppedRecord};
use abi::types::Nanoseconds;
use assist::{Supervision, Watch, Watched};
use rt::protocol::Resources;
use rt::{Client, Owed, Partition, Server, Signal, Start, System, log, time};
use zerocopy::IntoBytes;

rt::entry!(Supervisor);

/// How long the resource manager may take.
const PATIENCE: Nanoseconds = time::seconds(5);

/// Rescues, and serves suite.
struct Supervisor {
    manager: Client<Resources>,
    suite: Server<Supervision>,
    watcher: Option<Owed>,
}

impl Partition for Supervisor {
    fn started(system: &mut System, _: &Start) -> Self {
        let mut supervisor = Self {
            manager: system.client("resource").unwrap_or_default(),
            suite: system.server("suite").unwrap_or_default(),
            watcher: None,
        };
        // Whoever stopped while nobody was there is picked up now.
        supervisor.rescue(system);
        supervisor
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        self.serve(system);
    }

    fn peer_restarted(&mut self, _: &mut System, signal: Signal) {
        if signal.is(self.suite) {
            self.watcher = None;
        }
    }

    fn rescue(&mut self, system: &mut System) {
        self.serve(system);
        while let Some(stopped) = self.stopped(system) {
            announce(&stopped);
            rt::sys::wait(0, time::after(time::milliseconds(stopped.backoff.into()))).ok();
            self.restart(system, &stopped);
            // Who watches asked before that partition stopped, but perhaps after this rescue began.
            self.serve(system);
            if let Some(watcher) = self.watcher.take() {
                self.suite.answer_owed(system, watcher, Watched::Ok, stopped.as_bytes());
            }
        }
    }
}

impl Supervisor {
    fn serve(&mut self, system: &mut System) {
        while let Some(request) = self.suite.next(system) {
            match request.code() {
                Some(Watch::Next) => {
                    let before = self.watcher.replace(request.owed());
                    if let Some(before) = before {
                        self.suite.answer_owed(system, before, Watched::Busy, &[]);
                    }
                }
                Some(Watch::Ping) => self.suite.answer(system, &request, Watched::Ok, &[]),
                None => self.suite.answer(system, &request, Watched::Busy, &[]),
            }
        }
    }

    /// A partition that stopped and is this one's to rescue.
    fn stopped(&self, system: &mut System) -> Option<StoppedRecord> {
        let deadline = time::after(PATIENCE);
        let answer = self.manager.call(system, ResourceRequest::Stopped, &[], deadline).ok()?;
        answer.body()
    }

    fn restart(&self, system: &mut System, stopped: &StoppedRecord) {
        let body = Index { index: stopped.id };
        let deadline = time::after(PATIENCE);
        let answer = self.manager.call(system, ResourceRequest::Restart, body.as_bytes(), deadline);
        match answer.map(|answer| answer.status()) {
            Ok(Ok(ResourceStatus::Ok)) => {}
            other => log!("could not restart partition {}: {other:?}", stopped.id),
        }
    }
}

/// Says who stopped, and why, with all numbers.
fn announce(stopped: &StoppedRecord) {
    let [reason, code, address, instruction, ..] = stopped.fault;
    let name = name_text(&stopped.name);
    let what = reason_name(reason);
    log!("{name} stopped: {what}, code {code:#x}, address {address:#x}, at {instruction:#x}");
}
