//! Reads a PDF as an eye does: what stands side by side is one line, left to right, top to bottom.

// Places on a page are fractions of points; no amount is among them.
#![allow(clippy::float_arithmetic)]

use pdf_extract::{Document, MediaBox, OutputDev, OutputError, Transform, output_doc};

/// Two letters that start further apart, in points, belong to two runs of text.
///
/// The library misreads the widths of these fonts as 0, so all letters of a run seem to start where it starts.
const RUN_GAP: f64 = 3.0;

/// The lines of each page. Runs of text are parted by bars; no-break spaces are plain ones.
pub fn pages(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut eye = Eye::default();
    output_doc(&Document::load_mem(bytes).unwrap(), &mut eye).unwrap();
    eye.pages.into_iter().map(lines).collect()
}

/// All lines of all pages.
pub fn text(bytes: &[u8]) -> String {
    pages(bytes).concat().join("\n")
}

struct Glyph {
    left: f64,
    baseline: f64,
    letters: String,
}

#[derive(Default)]
struct Eye {
    pages: Vec<Vec<Glyph>>,
}

impl OutputDev for Eye {
    fn begin_page(&mut self, _: u32, _: &MediaBox, _: Option<(f64, f64, f64, f64)>) -> Result<(), OutputError> {
        self.pages.push(Vec::new());
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        _: f64,
        _: f64,
        _: f64,
        letters: &str,
    ) -> Result<(), OutputError> {
        let glyph = Glyph { left: place.m31, baseline: place.m32, letters: letters.to_owned() };
        self.pages.last_mut().unwrap().push(glyph);
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

fn lines(mut glyphs: Vec<Glyph>) -> Vec<String> {
    // The order on one baseline is the order of drawing: left to right.
    glyphs.sort_by(|a, b| b.baseline.total_cmp(&a.baseline));
    let mut lines: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        match lines.last_mut() {
            Some(line) if (line[0].baseline - glyph.baseline).abs() < 1.0 => line.push(glyph),
            _ => lines.push(vec![glyph]),
        }
    }
    lines.into_iter().map(line).filter(|line| !line.is_empty()).collect()
}

fn line(mut glyphs: Vec<Glyph>) -> String {
    let mut text = String::new();
    let mut last = glyphs[0].left;
    for glyph in glyphs.drain(..) {
        if (glyph.left - last).abs() > RUN_GAP {
            text = text.trim_end().to_owned() + " | ";
        }
        text.push_str(&glyph.letters.replace('\u{a0}', " "));
        last = glyph.left;
    }
    text.trim_end().to_owned()
}
