//! The resource manager: holds all authority after boot, creates every other partition from the manifest and keeps the books.
//!
//! All of it works on the traits [`manager::Machine`] and [`program_loader::Window`]; the program in `main.rs` wires them up.

#![cfg_attr(not(test), no_std)]

pub mod alter;
pub mod areas;
pub mod audit;
pub mod beside;
pub mod channels;
pub mod compare;
pub mod compare_hardware;
pub mod copies;
pub mod core;
pub mod corpse;
pub mod corpses;
pub mod define;
pub mod defined;
pub mod dog;
pub mod drill;
pub mod editions;
pub mod failed;
pub mod given;
pub mod groups;
pub mod guard;
pub mod hardware;
pub mod information;
pub mod joining;
pub mod kinds;
pub mod lists;
pub mod lists_channels;
pub mod look;
pub mod make;
pub mod manager;
pub mod manifest;
pub mod nodes;
pub mod own;
pub mod owned;
pub mod parting;
pub mod pause;
pub mod pci;
pub mod picture;
pub mod place;
pub mod placed;
pub mod planned;
pub mod plans;
pub mod recover;
pub mod refused;
pub mod relocate;
pub mod requests;
pub mod resize;
pub mod resource_list;
pub mod resting;
pub mod run;
pub mod serve;
pub mod setup;
pub mod shutdown;
pub mod slots;
pub mod snapshot;
pub mod space;
#[cfg(test)]
mod tests;
pub mod transactions;
pub mod trial;
pub mod trouble;
pub mod unmake;
pub mod upgrade;
pub mod usage;
pub mod wards;
pub mod watch;
pub mod zones;
