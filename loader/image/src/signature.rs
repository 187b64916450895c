//! Public keys and the signature over an image's header.

use abi::image::ImageHeader;
use ed25519_dalek::{Signature, VerifyingKey};
use zerocopy::IntoBytes;

/// An ed25519 public key that images must be signed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// A key by its 32 bytes (RFC 8032, 5.1.5).
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key by its 64 hexadecimal digits; `None` where the text is anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = core::str::from_utf8(pair).ok()?;
            let plain = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = plain.then(|| u8::from_str_radix(pair, 16).ok())??;
        }
        Some(Self(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the header's signature is by this key. Keys and signatures of small order are refused.
    #[must_use]
    pub(crate) fn signed(&self, header: &ImageHeader) -> bool {
        let message = signed_part(header);
        let signature = Signature::from_bytes(&header.signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message.as_bytes(), &signature).is_ok())
    }
}

/// What is signed: the header with its signature zeroed.
pub(crate) const fn signed_part(header: &ImageHeader) -> ImageHeader {
    ImageHeader { signature: [0; 64], ..*header }
}
