//! The page model: words and formatted figures in their places. No type here knows what an amount is.
//!
//! Made by [`crate::invoice`], drawn by [`crate::pdf`].

use chrono::NaiveDate;

use crate::locale::Locale;
use crate::source::Logo;

/// A document, ready to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Language of the words, for readers' software.
    pub locale: Locale,
    /// Date of the document's metadata.
    pub date: NaiveDate,
    /// Largest words, at the top left.
    pub title: String,
    /// The document's name in a list of files.
    pub name: String,
    /// Top right.
    pub logo: Option<Logo>,
    /// What identifies the document, at the left.
    pub facts: Vec<Fact>,
    /// What the customer wants to read, at the right.
    pub customer_facts: Vec<Fact>,
    /// Who sends it.
    pub from: Address,
    /// Who receives it.
    pub to: Address,
    /// The amount in large type.
    pub headline: String,
    /// Below it.
    pub headline_note: Option<String>,
    /// Tables; each after the first starts a page.
    pub sheets: Vec<Sheet>,
    /// Sentences below the tables.
    pub notices: Vec<String>,
    /// The sender's closing text, line by line.
    pub footer: Vec<String>,
    /// Foot of every page.
    pub powered_by: String,
    /// Foot of every page: the words before the page's number, before the number of pages, and after it.
    pub page_number: [String; 3],
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
}

/// A block of lines that names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Above the lines.
    pub heading: String,
    /// The name.
    pub name: String,
    /// What follows it.
    pub lines: Vec<String>,
}

/// One table with what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Above the table.
    pub title: Option<String>,
    /// Column headings: the first is of labels, the others of figures, set to the right.
    pub columns: Vec<String>,
    /// The rows, in sections.
    pub sections: Vec<Section>,
    /// Sums below the table; the last one is the result.
    pub totals: Vec<Sum>,
    /// Tables of movements below the sums.
    pub breakdowns: Vec<MovementTable>,
}

/// Rows under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Spans all columns.
    pub heading: Option<String>,
    /// In order.
    pub rows: Vec<Row>,
}

/// What a section consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// One line of figures.
    Item(Line),
    /// A price explained step by step.
    Block {
        /// Spans all columns.
        title: String,
        /// Under the title.
        notes: Vec<String>,
        /// The steps.
        lines: Vec<Line>,
        /// Their sum.
        subtotal: Line,
    },
}

/// A label and figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// First column.
    pub label: String,
    /// Under the label.
    pub notes: Vec<String>,
    /// The other columns, as many as the sheet has; each with its own lines.
    pub cells: Vec<Vec<String>>,
}

/// A line of the totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// What it is.
    pub label: String,
    /// How much.
    pub amount: String,
}

/// Movements of a recurring charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementTable {
    /// Above the table.
    pub title: String,
    /// Date, share of the period, change.
    pub rows: Vec<[String; 3]>,
    /// Below the table.
    pub note: String,
}
