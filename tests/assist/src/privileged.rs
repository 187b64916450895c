//! The instructions of the matrix, each to be tried on its own.

#![expect(unsafe_code, reason = "what must not be done has to be tried")]

use crate::instructions::run;
use assist::PORT_ACCESSES;
use core::arch::{asm, global_asm};

/// Memory that instructions may point to, as aligned as any wants it.
#[repr(C, align(4096))]
struct Scratch([u8; 4096]);

/// Tries an instruction with `rdi` pointing to the scratch memory.
type Dare = fn(&mut Scratch);

macro_rules! dares {
    ($(#[$doc:meta])* $list:ident: $($name:literal: [$($line:literal),+], [$($reason:tt),+];)+) => {
        $(#[$doc])*
        const $list: &[(&str, Dare)] = &[$(($name, |scratch| {
            // SAFETY: the kernel stops the context here; that it does is what is tested.
            unsafe {
                asm!(
                    $($line),+,
                    inout("rdi") scratch => _, inout("rax") 0_u64 => _, inout("rcx") 0_u64 => _, inout("rdx") 0_u64 => _,
                    out("rsi") _, out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                );
            }
        }),)+];
    };
}
assist::instructions!(dares);

/// Tries the instructions of this name; whether there are any.
pub fn instructions(name: &str) -> Option<()> {
    let mut lists = PRIVILEGED.iter().chain(TRICKS);
    let (_, dare) = lists.find(|(own, _)| *own == name)?;
    dare(&mut Scratch([0; 4096]));
    Some(())
}

// `int n` for every `n`, three bytes from one to the next.
global_asm!(
    ".pushsection .text.interrupts, \"ax\", @progbits",
    ".global assist_interrupts",
    "assist_interrupts:",
    ".set assist_vector, 0",
    ".rept 256",
    ".byte 0xcd, assist_vector",
    "ret",
    ".set assist_vector, assist_vector + 1",
    ".endr",
    ".popsection",
);

unsafe extern "C" {
    safe static assist_interrupts: [[u8; 3]; 256];
}

/// Enters the kernel by `int`.
pub fn interrupt(vector: u32) {
    if let Some(code) =
        usize::try_from(vector).ok().and_then(|vector| assist_interrupts.get(vector))
    {
        run(code.as_ptr() as u64);
    }
}

/// Accesses a port; `access` counts three widths to read, then three to write.
pub fn port(port: u16, access: u32) {
    macro_rules! access {
        ($line:literal) => {
            // SAFETY: as above.
            unsafe { asm!($line, in("dx") port, inout("eax") 0_u32 => _) }
        };
    }
    match access % PORT_ACCESSES {
        0 => access!("in al, dx"),
        1 => access!("in ax, dx"),
        2 => access!("in eax, dx"),
        3 => access!("out dx, al"),
        4 => access!("out dx, ax"),
        _ => access!("out dx, eax"),
    }
}
