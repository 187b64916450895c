//! Images beside the boot image: versions of programs to go over to while the machine runs.
//!
//! They stand behind each other in one module, or in modules of their own. One that is bad keeps no machine from starting: it is left
//! out, and said.

use crate::handover::check_image;
use crate::map::{MemoryMap, Use};
use crate::refusal::Refusal;
use abi::boot::{FrameRange, LATER_IMAGES, LaterImage};
use abi::image::IMAGE_MAGIC;
use abi::types::{Frame, PAGE_SIZE, PhysicalAddress};
use arrayvec::ArrayVec;
use boot_image::{Image, PublicKey};

/// Address and length of modules behind the one with the boot image.
/// One more than there can be images, so that somebody sees that it is one too many.
pub type Modules = ArrayVec<(PhysicalAddress, u64), { LATER_IMAGES + 1 }>;

/// A further image.
#[derive(Clone, Copy, Debug)]
pub struct Later<'a> {
    /// The image, checked.
    pub image: Image<'a>,
    /// Where it lies.
    pub address: PhysicalAddress,
}

/// All of them, as many as are taken.
#[derive(Clone, Debug, Default)]
pub struct LaterImages<'a>(ArrayVec<Later<'a>, LATER_IMAGES>);

impl<'a> LaterImages<'a> {
    /// Takes in the images that follow each other from the start of `bytes`, which lie at `address`. What begins no image ends them.
    ///
    /// # Errors
    /// The first that is bad, that lies on no page, or that is one too many; those before it are taken in.
    pub fn add(
        &mut self,
        mut bytes: &'a [u8],
        address: PhysicalAddress,
        key: Option<&PublicKey>,
    ) -> Result<(), Refusal> {
        let mut at = address.raw();
        while bytes.starts_with(&IMAGE_MAGIC.to_le_bytes()) {
            let address = PhysicalAddress::new(at);
            if !at.is_multiple_of(PAGE_SIZE) {
                return Err(Refusal::ImagePlace);
            }
            let image = check_image(bytes, key)?;
            let one = Later { image, address };
            self.0.try_push(one).map_err(|_| Refusal::Later("there is room for three"))?;
            at = at.saturating_add(image.length());
            let length = usize::try_from(image.length()).unwrap_or(usize::MAX);
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Ok(())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Later<'a>> {
        self.0.iter()
    }

    /// Marks them in the map, and says of each whether it is there: one that does not lie in free memory is left out.
    pub(crate) fn claim(
        &self,
        map: &mut MemoryMap,
    ) -> ([LaterImage; LATER_IMAGES], [bool; LATER_IMAGES]) {
        let mut claimed = [LaterImage::default(); LATER_IMAGES];
        let mut there = [false; LATER_IMAGES];
        let mut places = claimed.iter_mut();
        for (one, there) in self.0.iter().zip(&mut there) {
            let (start, length) = (Frame::containing(one.address), one.image.length());
            let count = length / PAGE_SIZE;
            if map.claim(start, count, Use::BootImage)
                && let Some(place) = places.next()
            {
                *place = LaterImage { frames: FrameRange { start, count }, length };
                *there = true;
            }
        }
        (claimed, there)
    }
}
