//! The key that images must be signed with, where the loader was built with one.

use boot_image::PublicKey;

/// The key given by the environment variable `BULKHEAD_PUBLIC_KEY` at build time.
///
/// The build has refused anything but 64 hexadecimal digits, so `None` means: none was given.
pub(crate) fn public_key() -> Option<PublicKey> {
    option_env!("BULKHEAD_PUBLIC_KEY").and_then(PublicKey::from_hex)
}
