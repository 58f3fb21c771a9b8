//! Lists: which page, and what `meta` says of it (chapter 05, 1.7).

use serde::Serialize;

const PER_PAGE_DEFAULT: usize = 100;
const PER_PAGE_OF_NONSENSE: usize = 25;
const PER_PAGE_MAX: usize = 1000;

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: usize,
    /// 0 to 1000.
    pub per_page: usize,
}

/// A text of digits as a number, however large; none for anything else.
fn count(text: &str) -> Option<usize> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // All digits and yet no number: beyond every list.
    is_number.then(|| text.parse().unwrap_or(usize::MAX))
}

impl Paging {
    /// From the query's `page` and `per_page`.
    #[must_use]
    pub fn parse(page: Option<&str>, per_page: Option<&str>) -> Paging {
        let page = page.and_then(count).filter(|page| *page > 0).unwrap_or(1);
        let per_page = match per_page.map(str::trim) {
            None | Some("") => PER_PAGE_DEFAULT,
            Some(text) => count(text).unwrap_or(PER_PAGE_OF_NONSENSE),
        };
        Paging { page, per_page: per_page.min(PER_PAGE_MAX) }
    }

    /// Positions of the page's entries in the whole list.
    #[must_use]
    pub fn range(self, total: usize) -> std::ops::Range<usize> {
        let start = (self.page - 1).saturating_mul(self.per_page).min(total);
        start..start.saturating_add(self.per_page).min(total)
    }

    /// The same page of pages of another size.
    #[must_use]
    pub fn of_size(self, per_page: usize) -> Paging {
        Paging { per_page: per_page.min(PER_PAGE_MAX), ..self }
    }

    /// What `meta` says of this page, empty or not (past usage: chapter 05, 2.4). Without entries there is page 1 of none.
    #[must_use]
    pub fn true_meta(self, total: usize) -> Meta {
        let total_pages = total.div_ceil(self.per_page.max(1));
        Meta {
            current_page: self.page,
            next_page: (self.page < total_pages).then(|| self.page + 1),
            prev_page: (self.page > 1).then(|| self.page - 1).filter(|page| *page <= total_pages),
            total_pages,
            total_count: total,
        }
    }

    /// What `meta` says of this page of a list of `total` entries. An empty page does not give the true total.
    #[must_use]
    pub fn meta(self, total: usize) -> Meta {
        if self.range(total).is_empty() {
            return Meta { current_page: 0, next_page: None, prev_page: None, total_pages: 0, total_count: 0 };
        }
        let total_pages = total.div_ceil(self.per_page);
        Meta {
            current_page: self.page,
            next_page: (self.page < total_pages).then(|| self.page + 1),
            prev_page: (self.page > 1).then(|| self.page - 1),
            total_pages,
            total_count: total,
        }
    }
}

/// `meta` of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Meta {
    /// This page; 0 for an empty one.
    pub current_page: usize,
    /// The next one, if any.
    pub next_page: Option<usize>,
    /// The previous one, if any.
    pub prev_page: Option<usize>,
    /// How many there are; 0 for an empty page.
    pub total_pages: usize,
    /// Entries in all; 0 for an empty page.
    pub total_count: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapters_example_of_five_records() {
        let page = |page: &str| Paging::parse(Some(page), Some("2"));
        let third = page("3").meta(5);
        assert_eq!((third.current_page, third.next_page, third.prev_page), (3, None, Some(2)));
        assert_eq!((third.total_pages, third.total_count), (3, 5));
        assert_eq!(page("3").range(5), 4..5);
        let fourth = page("4").meta(5);
        assert_eq!((fourth.current_page, fourth.total_count), (0, 0));
    }

    #[test]
    fn the_true_meta_of_an_empty_page() {
        let meta = |page, total| {
            let meta = Paging { page, per_page: 100 }.of_size(2).true_meta(total);
            (meta.current_page, meta.next_page, meta.prev_page, meta.total_pages, meta.total_count)
        };
        assert_eq!(meta(1, 0), (1, None, None, 0, 0));
        assert_eq!(meta(1, 5), (1, Some(2), None, 3, 5));
        assert_eq!(meta(3, 5), (3, None, Some(2), 3, 5));
        assert_eq!(meta(4, 5), (4, None, Some(3), 3, 5));
        assert_eq!(meta(9, 5), (9, None, None, 3, 5));
    }

    #[test]
    fn odd_values_fall_back() {
        let parse = |page, per_page| {
            let paging = Paging::parse(page, per_page);
            (paging.page, paging.per_page)
        };
        assert_eq!(parse(None, None), (1, 100));
        assert_eq!(parse(Some("-3"), Some("-1")), (1, 25));
        assert_eq!(parse(Some("x"), Some("x")), (1, 25));
        assert_eq!(parse(Some("0"), Some("5000")), (1, 1000));
        assert_eq!(parse(Some("1"), Some("0")), (1, 0));
        assert_eq!(Paging::parse(None, Some("0")).meta(7).total_count, 0);
    }
}
