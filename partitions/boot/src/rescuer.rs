//! The boot partition as its runtime sees it: looks after the resource manager and those in its charge.

use crate::founding::Founding;
use crate::manager::ManagerRescue;
use crate::trial::Trial;
use crate::watch::Watch;
use abi::manifest::RESOURCE_CHANNEL;
use abi::programs::Return;
use charges::{Charges, Ways};
use rt::protocol::Resources;
use rt::{Partition, Start, System, Timer};

/// The rescuer.
pub struct Rescuer {
    founding: Founding,
    charges: Charges,
    watch: Watch,
    trial: Trial,
}

impl Partition for Rescuer {
    fn started(system: &mut System, start: &Start) -> Self {
        if start.starts > 1 {
            rt::log!("boot: started for the {}. time", start.starts);
        }
        let resources = system.client::<Resources>(RESOURCE_CHANNEL);
        let ways = Ways { say: |what| rt::log!("{what}"), beside: look_after_manager };
        let founding = Founding::new(system, resources);
        // What stopped while nobody watched is looked at before anything else.
        let charges = Charges::new(system, resources, ways);
        let (watch, mut trial) = (Watch::new(system, resources), Trial::new(resources));
        trial.is_open(system);
        Self { founding, charges, watch, trial }
    }

    fn rescue(&mut self, system: &mut System) {
        look_after_manager();
        // One that has yet to come up answers nobody; who stopped is asked for when that has ended one way or the other.
        if !self.trial.is_open(system) {
            self.charges.rescue(system);
        }
    }

    fn deadline(&mut self, system: &mut System, timer: Timer) {
        if self.founding.deadline(system, timer, look_after_manager)
            || self.watch.deadline(system, timer, look_after_manager)
        {
            // One that ended while an answer was waited for is back, perhaps in another version.
            self.trial.is_open(system);
        } else if self.trial.deadline(system, timer, look_after_manager)
            || self.charges.deadline(system, timer)
        {
            self.rescue(system);
        }
    }
}

/// Brings the resource manager back if it has stopped. What does not work now is tried again: questions to it come to nothing.
fn look_after_manager() {
    let manager = ManagerRescue::find();
    if !manager.is_down() {
        return;
    }
    rt::log!("resource-manager stopped: {}", manager.reason());
    match manager.restart(false) {
        Ok(Return { failed: None, .. }) => rt::log!("resource-manager is restarted"),
        Ok(_) => {
            rt::log!("resource-manager is restarted in the version before: it did not come up")
        }
        Err(refusal) => rt::log!("resource-manager cannot be restarted: {:?}", refusal.error),
    }
}
