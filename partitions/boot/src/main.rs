//! The boot partition: brings infrastructure back when it stops, the resource manager included.

#![no_std]
#![no_main]

mod manager;
mod rescuer;

use rescuer::Rescuer;

rt::entry!(Rescuer);
