//! A page as plain text, for snapshots: one line per line, columns between bars, no-break spaces as plain ones.

use documents::page::{Line, Page, Row, Sheet};

/// The whole page.
pub fn page(page: &Page) -> String {
    let mut text = format!("# {}\n", page.title);
    for fact in page.facts.iter().chain(&page.customer_facts) {
        text += &format!("{}: {}\n", fact.label, fact.value);
    }
    for address in [&page.from, &page.to] {
        text += &format!("[{}] {}\n", address.heading, address.name);
        text.extend(address.lines.iter().map(|line| format!("    {line}\n")));
    }
    text += &format!("{} | {}\n", page.headline, page.headline_note.as_deref().unwrap_or_default());
    text += &sheets(page);
    text.extend(page.notices.iter().chain(&page.footer).map(|line| format!("{line}\n")));
    text += &format!("{} | {}\n", page.powered_by, page.page_number.join("#"));
    text.replace('\u{a0}', " ")
}

/// Its tables and totals only.
pub fn sheets(page: &Page) -> String {
    page.sheets.iter().map(sheet).collect::<String>().replace('\u{a0}', " ")
}

fn sheet(sheet: &Sheet) -> String {
    let mut text = format!("---- {}\n{}\n", sheet.title.as_deref().unwrap_or_default(), sheet.columns.join(" | "));
    for section in &sheet.sections {
        text.extend(section.heading.iter().map(|heading| format!("== {heading}\n")));
        text.extend(section.rows.iter().map(row));
    }
    text.extend(sheet.totals.iter().map(|sum| format!("= {} | {}\n", sum.label, sum.amount)));
    for breakdown in &sheet.breakdowns {
        text += &format!("* {}\n", breakdown.title);
        text.extend(breakdown.rows.iter().map(|row| format!("  {}\n", row.join(" | "))));
        text += &format!("  {}\n", breakdown.note);
    }
    text
}

fn row(row: &Row) -> String {
    match row {
        Row::Item(item) => line(item, ""),
        Row::Block { title, notes, lines, subtotal } => {
            let mut text = format!("{title}\n");
            text.extend(notes.iter().map(|note| format!("  ({note})\n")));
            text.extend(lines.iter().map(|step| line(step, "  ")));
            text + &line(subtotal, "  ")
        }
    }
}

fn line(line: &Line, indent: &str) -> String {
    let cells = line.cells.iter().map(|cell| cell.join(", "));
    let columns: Vec<String> = std::iter::once(line.label.clone()).chain(cells).collect();
    let mut text = format!("{indent}{}\n", columns.join(" | "));
    text.extend(line.notes.iter().map(|note| format!("{indent}  ({note})\n")));
    text
}
