//! A page model as a PDF, laid out by Typst.
//!
//! The look lives in `page.typ`. Everything that a page says reaches it as values, never as source text, so whatever a
//! name contains is printed, not run. The only fonts are those of this crate and of Typst itself: the machine has no
//! say, and neither has the clock. Chinese, Japanese and Korean letters are in none of them and print as boxes.

use std::sync::LazyLock;

use chrono::Datelike;
use typst::foundations::{Array, Bytes, Content, Dict, IntoValue, NativeElement, Smart, Str, Value, dict};
use typst::layout::{Abs, HElem, Spacing};
use typst::text::{SpaceElem, TextElem};
use typst_as_lib::typst_kit_options::TypstKitFontOptions;
use typst_as_lib::{TypstAsLibError, TypstEngine, TypstTemplateMainFile};
use typst_pdf::PdfOptions;

use crate::page::{Address, Fact, Line, MovementTable, Page, Row, Section, Sheet, Sum};
use crate::source::{Logo, LogoKind};

/// Recorded in the file as the software that made it.
const CREATOR: &str = "Weir";

/// A longer word gets places to break: it might not fit the narrowest column.
const WORD_LETTERS_MAX: usize = 32;

/// Letters between two such places.
const WORD_PART_LETTERS: usize = 8;

/// Inter 4.0 beta, SIL Open Font License (see `fonts/OFL.txt`): Latin, Greek and Cyrillic, with figures of equal width.
const FONTS: [&[u8]; 3] = [
    include_bytes!("../fonts/Inter-Regular.otf"),
    include_bytes!("../fonts/Inter-Medium.otf"),
    include_bytes!("../fonts/Inter-SemiBold.otf"),
];

/// Fonts take some milliseconds to load: once per process. The engine forgets what it compiled after every document.
static ENGINE: LazyLock<TypstEngine<TypstTemplateMainFile>> = LazyLock::new(|| {
    TypstEngine::builder()
        .main_file(include_str!("page.typ"))
        .fonts(FONTS)
        .search_fonts_with(TypstKitFontOptions::new().include_system_fonts(false).include_embedded_fonts(true))
        .build()
});

/// Why a page could not be drawn. Pages of any source can be: either is a defect of the template.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The template and the page model disagree.
    #[error("laying out the document: {0}")]
    Layout(String),
    /// The laid-out document has no PDF.
    #[error("writing the document: {0}")]
    Export(String),
}

/// The bytes of a PDF. The same page gives the same bytes.
///
/// A logo that is no readable picture is left out: the invoice matters more. Takes some ten milliseconds per page in
/// an optimized build, and holds the document in memory.
///
/// # Errors
///
/// A template that does not compile.
pub fn bytes(page: &Page) -> Result<Vec<u8>, PdfError> {
    let drawn = draw(page, page.logo.as_ref());
    match drawn {
        Err(PdfError::Layout(_)) if page.logo.is_some() => draw(page, None),
        drawn => drawn,
    }
}

fn draw(page: &Page, logo: Option<&Logo>) -> Result<Vec<u8>, PdfError> {
    let compiled = ENGINE.compile_with_input(inputs(page, logo)).output;
    let document = compiled.map_err(|error| PdfError::Layout(reason(error)))?;
    let options = PdfOptions {
        ident: Smart::Custom(page.name.clone()),
        creator: Smart::Custom(Some(CREATOR.to_owned())),
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&document, &options)
        .map_err(|errors| PdfError::Export(errors.iter().map(|error| error.message.to_string()).collect()))
}

fn reason(error: TypstAsLibError) -> String {
    match error {
        TypstAsLibError::TypstSource(errors) => {
            errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

fn inputs(page: &Page, logo: Option<&Logo>) -> Dict {
    dict! {
        "lang" => page.locale.code(),
        "date" => dict! {
            "year" => i64::from(page.date.year()),
            "month" => i64::from(page.date.month()),
            "day" => i64::from(page.date.day()),
        },
        "title" => text(&page.title),
        "name" => page.name.as_str(),
        "running-title" => text(&page.name),
        "logo" => logo.map_or(Value::None, |logo| picture(logo, &page.from.name)),
        "facts" => list(&page.facts, fact),
        "customer-facts" => list(&page.customer_facts, fact),
        "from" => address(&page.from),
        "to" => address(&page.to),
        "headline" => text(&page.headline),
        "headline-note" => page.headline_note.as_deref().map_or(Value::None, text),
        "sheets" => list(&page.sheets, sheet),
        "notices" => texts(&page.notices),
        "footer" => texts(&page.footer),
        "powered-by" => text(&page.powered_by),
        "page-number" => texts(&page.page_number),
    }
}

fn picture(logo: &Logo, description: &str) -> Value {
    let format = match logo.kind {
        LogoKind::Png => "png",
        LogoKind::Jpeg => "jpg",
    };
    dict! { "bytes" => Bytes::new(logo.bytes.clone()), "format" => format, "alt" => description }.into_value()
}

fn fact(fact: &Fact) -> Value {
    dict! { "label" => text(&fact.label), "value" => text(&fact.value) }.into_value()
}

fn address(address: &Address) -> Value {
    dict! {
        "heading" => text(&address.heading),
        "name" => text(&address.name),
        "lines" => texts(&address.lines),
    }
    .into_value()
}

fn sheet(sheet: &Sheet) -> Value {
    dict! {
        "title" => sheet.title.as_deref().map_or(Value::None, text),
        "columns" => texts(&sheet.columns),
        "sections" => list(&sheet.sections, section),
        "totals" => list(&sheet.totals, sum),
        "breakdowns" => list(&sheet.breakdowns, movement_table),
    }
    .into_value()
}

fn section(section: &Section) -> Value {
    dict! {
        "heading" => section.heading.as_deref().map_or(Value::None, text),
        "rows" => list(&section.rows, row),
    }
    .into_value()
}

fn row(row: &Row) -> Value {
    match row {
        Row::Item(item) => dict! { "item" => line(item) },
        Row::Block { title, notes, lines, subtotal } => dict! {
            "title" => text(title),
            "notes" => texts(notes),
            "lines" => list(lines, line),
            "subtotal" => line(subtotal),
        },
    }
    .into_value()
}

fn line(line: &Line) -> Value {
    dict! {
        "label" => text(&line.label),
        "notes" => texts(&line.notes),
        "cells" => list(&line.cells, |cell| list(cell, |figure| Value::Str(figure.as_str().into()))),
    }
    .into_value()
}

fn sum(sum: &Sum) -> Value {
    dict! { "label" => text(&sum.label), "amount" => text(&sum.amount) }.into_value()
}

fn movement_table(table: &MovementTable) -> Value {
    dict! {
        "title" => text(&table.title),
        "rows" => list(&table.rows, |row| texts(row)),
        "note" => text(&table.note),
    }
    .into_value()
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    items.iter().map(value).collect::<Array>().into_value()
}

fn texts(texts: &[String]) -> Value {
    list(texts, |one| text(one))
}

/// One line of text, which a column of any width can hold.
fn text(text: &str) -> Value {
    // Line breaks and other control characters have no glyph.
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.split(' ').all(|word| word.chars().count() <= WORD_LETTERS_MAX) {
        return Value::Str(line.into());
    }
    Value::Content(joined(line.split(' ').map(breakable), SpaceElem::shared()))
}

/// A word, with a place to break it every few letters if it is very long.
///
/// The place is a gap of no visible width. A zero-width space would be a letter of its own to who copies the word, and
/// a gap of exactly zero is dropped before lines are broken.
fn breakable(word: &str) -> Content {
    if word.chars().count() <= WORD_LETTERS_MAX {
        return TextElem::packed(word);
    }
    let clusters = Str::from(word).clusters();
    let letters: Vec<&str> = clusters
        .iter()
        .filter_map(|cluster| match cluster {
            Value::Str(letter) => Some(letter.as_str()),
            _ => None,
        })
        .collect();
    let parts = letters.chunks(WORD_PART_LETTERS).map(|part| TextElem::packed(part.concat()));
    joined(parts, &HElem::new(Spacing::Rel(Abs::pt(0.001).into())).pack())
}

fn joined(parts: impl Iterator<Item = Content>, between: &Content) -> Content {
    let separated = parts.enumerate().flat_map(|(position, part)| {
        let separator = (position > 0).then(|| between.clone());
        separator.into_iter().chain([part])
    });
    Content::sequence(separated)
}

/// Whether the document's own font has a glyph.
#[cfg(test)]
pub(crate) fn main_font_covers(sign: char) -> bool {
    let font = typst::text::Font::new(Bytes::new(FONTS[0]), 0).unwrap();
    font.info().coverage.contains(u32::from(sign))
}
