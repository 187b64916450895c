//! Messages on channels, by kind of channel. Each fits the inline part of an entry.

pub mod change;
pub mod console;
pub mod core;
pub mod database;
pub mod hardware;
pub mod making;
pub mod resource;
pub mod transaction;
pub mod upgrade;

/// An enumeration of 16-bit codes, with the list of them. Codes may have gaps.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$code_doc:meta])* $code:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub enum $name {
            $($(#[$code_doc])* $code = $number,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// Its code.
            #[must_use]
            #[expect(clippy::as_conversions, reason = "the number of a variant, declared repr(u16)")]
            pub const fn code(self) -> u16 {
                self as u16
            }

            /// The one with this code.
            #[must_use]
            pub fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($number => Some(Self::$code),)*
                    _ => None,
                }
            }
        }
    };
}
use codes;
