//! What is asked of the witnesses of plans, and the check of what they saw.

#![no_std]

mod check;

pub use check::{Check, Report, WITNESSES};

rt::protocol! {
    /// What is asked of the witnesses.
    pub Watching;
    /// What is asked.
    pub enum Ask {
        /// The slots of the next frames are those of the first plan; answered when they are learnt.
        LearnFirst = 1,
        /// Those of the second.
        LearnSecond = 2,
        /// From now on every frame is checked.
        Check = 3,
        /// How it went until now: a [`Report`].
        Tell = 4,
    }
    /// How it went.
    pub enum Answer {
        /// Done.
        Ok = 0,
        /// Not now.
        WrongState = 1,
    }
}
