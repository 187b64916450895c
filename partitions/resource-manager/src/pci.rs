//! The PCI functions of the machine, by the two ports of configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2).
//!
//! Asked for by people alone, when they ask what the machine is made of. Whoever is given a function reads it by itself.

use crate::manager::{Machine, Manager};
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::call::PortOperation;
use abi::message::resource::{FunctionRecord, Index, ResourceStatus};
use program_loader::Window;

/// Port of the address, and of the data.
const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
/// Bit of the address that makes data configuration space.
const ENABLE: u32 = 1 << 31;
/// One past the last function of the last bus.
const END: u32 = 1 << 16;
/// Buses that are looked at for functions to be written down.
const BUSES: usize = 64;
/// Base class of bridges of all kinds (PCI Code and ID Assignment 1.11, 1.7).
const BRIDGES: u32 = 6;
/// Functions of a device.
const FUNCTIONS: u32 = 8;
/// Devices looked at for one answer: those of four buses.
const LOOKS: u32 = 128;
/// Nobody's identity: nobody answered.
const NOBODY: u32 = u32::MAX;

/// Bytes of configuration space (PCI Local Bus 3.0, 6.1).
mod register {
    pub const IDENTITY: u32 = 0x00;
    pub const CLASS: u32 = 0x08;
    pub const HEADER: u32 = 0x0c;
    pub const BUSES: u32 = 0x18;
    pub const SUBSYSTEM: u32 = 0x2c;
    pub const INTERRUPT: u32 = 0x3c;
}
/// In the register of the header's type: there are further functions; and the type, 0 for what is no bridge.
const MORE_FUNCTIONS: u32 = 1 << 23;
const TYPE: u32 = 0x7f << 16;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The next function from a place on.
    ///
    /// # Errors
    /// `NoSuch` past the end.
    pub fn function_record(&mut self, from: Index) -> Result<Reply, Trouble> {
        let mut address = from.index;
        for _ in 0..LOOKS {
            if address >= END {
                return Err(ResourceStatus::NoSuch.into());
            }
            let device = address - address % FUNCTIONS;
            let after = device + FUNCTIONS;
            if self.answers(device) {
                let several = self.configuration(device, register::HEADER) & MORE_FUNCTIONS != 0;
                let last = if several { after } else { device + 1 };
                if let Some(function) = (address..last).find(|&function| self.answers(function)) {
                    let next = if function + 1 < last { function + 1 } else { after };
                    return Ok(Reply::record(&self.describe(function, next)));
                }
            }
            address = after;
        }
        let nothing = FunctionRecord {
            identity: NOBODY,
            address,
            next: address,
            class: 0,
            subsystem: 0,
            interrupt: 0,
        };
        Ok(Reply::record(&nothing))
    }

    /// Shows `see` every function of the first bus and of those behind its bridges, and whether it is a bridge.
    pub fn each_function(&mut self, mut see: impl FnMut(&mut Self, u32, bool)) {
        let mut buses = [0_u8; BUSES];
        let mut known = 1;
        for at in 0..BUSES {
            let Some(bus) = buses.get(at).filter(|_| at < known).copied() else { return };
            for device in (0..32).map(|device| u32::from(bus) << 8 | device << 3) {
                for function in device..device + self.functions_of(device) {
                    let Some(behind) = self.look_at_function(function) else { continue };
                    let bridge = self.configuration(function, register::CLASS) >> 24 == BRIDGES;
                    see(self, function, bridge);
                    // A bridge that leads back, or to what another leads to, would lead round and round.
                    let new =
                        behind.filter(|behind| !buses.iter().take(known).any(|bus| bus == behind));
                    if let Some((to, behind)) = buses.get_mut(known).zip(new) {
                        *to = behind;
                        known += 1;
                    }
                }
            }
        }
    }

    /// Functions that a device may have.
    fn functions_of(&mut self, device: u32) -> u32 {
        if !self.answers(device) {
            return 0;
        }
        let several = self.configuration(device, register::HEADER) & MORE_FUNCTIONS != 0;
        if several { FUNCTIONS } else { 1 }
    }

    /// `None` where there is no such function; else the bus behind it, where one is.
    fn look_at_function(&mut self, function: u32) -> Option<Option<u8>> {
        if !self.answers(function) {
            return None;
        }
        let bridge = self.configuration(function, register::HEADER) & TYPE != 0;
        Some(bridge.then(|| (self.configuration(function, register::BUSES) >> 8 & 0xff) as u8))
    }

    fn answers(&mut self, function: u32) -> bool {
        self.configuration(function, register::IDENTITY) != NOBODY
    }

    fn describe(&mut self, address: u32, next: u32) -> FunctionRecord {
        let bridge = self.configuration(address, register::HEADER) & TYPE != 0;
        FunctionRecord {
            address,
            next,
            identity: self.configuration(address, register::IDENTITY),
            class: self.configuration(address, register::CLASS),
            subsystem: if bridge { 0 } else { self.configuration(address, register::SUBSYSTEM) },
            interrupt: self.configuration(address, register::INTERRUPT) & 0xffff,
        }
    }

    /// Four bytes of a function's configuration space.
    fn configuration(&mut self, function: u32, register: u32) -> u32 {
        self.machine.port(PortOperation::Out32, ADDRESS, ENABLE | function << 8 | register);
        self.machine.port(PortOperation::In32, DATA, 0)
    }
}
