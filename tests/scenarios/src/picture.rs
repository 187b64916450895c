//! Reads text off a picture of the screen: the letters are those of the font that loader and console draw with.

use anyhow::{Context as _, Result};
use font8x8::legacy::BASIC_LEGACY;
use qemu_runner::session::Session;

/// What stands for a place of the picture that shows no letter of the font.
pub const NO_LETTER: char = '\u{2588}';
/// Dots of a letter's side.
const SIDE: usize = 8;
/// From here on a pixel is light.
const LIGHT: u8 = 0x40;

/// How letters are laid out on a screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Letters in a line, and lines.
    pub size: (usize, usize),
    /// Pixels and lines of a dot.
    pub dot: (usize, usize),
    /// Pixels left of the first letter, and lines above it.
    pub border: (usize, usize),
}

impl Layout {
    /// The console's: 80 columns and 25 lines, as large as the screen has room for.
    #[must_use]
    pub fn console(picture: &Picture) -> Self {
        let across = picture.width / (80 * SIDE);
        let down = (picture.height / (25 * SIDE)).min(2 * across);
        let left = (picture.width - 80 * SIDE * across) / 2;
        let top = (picture.height - 25 * SIDE * down) / 2;
        Self { size: (80, 25), dot: (across, down), border: (left, top) }
    }

    /// The loader's: a pixel for each dot, from the upper left corner on.
    #[must_use]
    pub const fn loader(picture: &Picture) -> Self {
        let size = (picture.width / SIDE, picture.height / SIDE);
        Self { size, dot: (1, 1), border: (0, 0) }
    }
}

/// What is on the screen.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Red, green and blue of each.
    pixels: Vec<u8>,
}

impl Picture {
    /// Takes a picture of a machine's screen.
    ///
    /// # Errors
    /// QEMU gives none.
    pub fn take(session: &mut Session) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("screen.ppm");
        session.control().monitor(&format!("screendump \"{}\"", file.display()))?;
        Self::parse(&std::fs::read(&file)?).context("QEMU gave no picture")
    }

    /// The picture in a file of the portable pixmap format, P6.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(b"P6")?;
        let mut number = || {
            rest = rest.trim_ascii_start();
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, after) = rest.split_at_checked(digits)?;
            rest = after;
            std::str::from_utf8(digits).ok()?.parse::<usize>().ok()
        };
        let (width, height, _most) = (number()?, number()?, number()?);
        let pixels = rest.get(1..)?.to_vec();
        (pixels.len() == width * height * 3).then_some(Self { width, height, pixels })
    }

    /// The letters on it, line by line; a block for what is no letter.
    #[must_use]
    pub fn text(&self, layout: Layout) -> String {
        let line = |line| {
            let letters = (0..layout.size.0).map(|column| self.letter(layout, column, line));
            letters.collect::<String>().trim_end().to_owned()
        };
        (0..layout.size.1).map(line).collect::<Vec<_>>().join("\n")
    }

    fn letter(&self, layout: Layout, column: usize, line: usize) -> char {
        let dot = |x: usize, y: usize| {
            let x = layout.border.0 + (column * SIDE + x) * layout.dot.0;
            let y = layout.border.1 + (line * SIDE + y) * layout.dot.1;
            self.pixels.get((y * self.width + x) * 3).is_some_and(|&red| red >= LIGHT)
        };
        let row = |y| (0..SIDE).fold(0_u8, |row, x| row | u8::from(dot(x, y)) << x);
        let seen: [u8; SIDE] = std::array::from_fn(row);
        // The last row may be the cursor's.
        let same = |font: &[u8; SIDE]| *font == seen || font[..7] == seen[..7] && seen[7] == 0xff;
        let found =
            (b' '..=b'~').find(|&letter| BASIC_LEGACY.get(usize::from(letter)).is_some_and(same));
        found.map_or(NO_LETTER, char::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_and_a_smear_is_not() {
        let mut picture = Picture { width: 16, height: 8, pixels: vec![0; 16 * 8 * 3] };
        for (y, row) in BASIC_LEGACY[usize::from(b'R')].iter().enumerate() {
            for x in (0..SIDE).filter(|x| row >> x & 1 == 1) {
                picture.pixels[(y * 16 + x) * 3] = 0xaa;
            }
        }
        picture.pixels[8 * 3] = 0xaa;
        assert_eq!(picture.text(Layout::loader(&picture)), "R\u{2588}");
    }

    #[test]
    fn a_picture_is_parsed() {
        let picture = Picture::parse(b"P6\n2 1\n255\nabcdef").unwrap();
        assert_eq!((picture.width, picture.height, picture.pixels.len()), (2, 1, 6));
        assert!(Picture::parse(b"P6 2 1 255 abc").is_none() && Picture::parse(b"GIF").is_none());
    }
}
