//! The words that each language has to know, and how values get into them.

/// Declares the words once, so that a test can walk over all of them.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The words of documents in one language. Braces name the values that [`fill`] puts in.
        #[derive(Debug)]
        pub struct Words {
            $($(#[$doc])* pub $name: &'static str,)*
        }

        #[cfg(test)]
        impl Words {
            /// Every word with its name.
            pub(super) fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

words! {
    /// Title of an invoice.
    invoice,
    /// Title of an invoice for prepaid credits.
    advance_invoice,
    /// Title of a credit note.
    credit_note,
    /// Label.
    credit_note_number,
    /// Label.
    invoice_number,
    /// Label.
    issue_date,
    /// Label, on a credit note.
    credit_issue_date,
    /// Label.
    payment_term,
    /// One day.
    day,
    /// Any other number: `{count}`.
    days,
    /// Heading of the sender.
    from,
    /// Heading of the receiver.
    bill_to,
    /// Heading of the receiver of a credit note.
    credit_to,
    /// `{id}`.
    tax_id,
    /// `{date}`.
    due,
    /// Column.
    item,
    /// Column.
    units,
    /// Column.
    unit_price,
    /// Column.
    tax_rate,
    /// Column, without tax.
    amount_excl_tax,
    /// Column, where there is no tax.
    amount,
    /// `{name}` of a subscription.
    details,
    /// Sum of a subscription's page.
    total,
    /// `{from}`, `{to}`.
    fees_period,
    /// Item of a credit note: `{name}`.
    subscription,
    /// `{plan}`.
    weekly_subscription,
    /// `{plan}`.
    monthly_subscription,
    /// `{plan}`.
    quarterly_subscription,
    /// `{plan}`.
    yearly_subscription,
    /// Of a weighted sum.
    per_second_per_week,
    /// Of a weighted sum.
    per_second_per_month,
    /// Of a weighted sum.
    per_second_per_quarter,
    /// Of a weighted sum.
    per_second_per_year,
    /// `{count}`.
    total_events,
    /// Of a prorated charge.
    average_price,
    /// `{used}`, `{total}`.
    days_used,
    /// `{to}`.
    fee_first,
    /// `{from}`, `{to}`.
    fee_next,
    /// `{from}`.
    fee_above,
    /// `{to}`.
    flat_first,
    /// `{from}`, `{to}`.
    flat_next,
    /// `{from}`.
    flat_above,
    /// `{count}`.
    free_units_first,
    /// Of a package charge.
    fee_per_package,
    /// `{price}`, `{size}`.
    package_price,
    /// `{count}`.
    free_units_transactions,
    /// Of a percentage charge.
    rate_on_amount,
    /// Of a percentage charge.
    fixed_fee,
    /// Of a percentage charge.
    min_max_adjustment,
    /// Of a volume charge.
    fee_per_unit,
    /// Of a volume charge.
    flat_all_units,
    /// Last row of a block.
    subtotal,
    /// `{charge}`.
    true_up,
    /// `{amount}`.
    minimum_spend,
    /// Title.
    breakdown,
    /// Title: `{group}`.
    breakdown_of,
    /// Note of a breakdown.
    units_prorated,
    /// Note of a breakdown.
    units_not_prorated,
    /// Item of a credit invoice, and a line of the totals.
    prepaid_credits,
    /// `{wallet}`.
    prepaid_credits_of,
    /// `{name}`, `{value}`.
    coupon,
    /// Line of the totals.
    subtotal_excl_tax,
    /// `{name}`, `{rate}`, `{base}`.
    tax_on,
    /// `{rate}`.
    no_tax,
    /// Line of the totals.
    subtotal_incl_tax,
    /// Line of the totals.
    credit_notes,
    /// A credit note went to the balance: `{date}`.
    credited_on,
    /// A credit note was paid out: `{date}`.
    refunded_on,
    /// Both: `{date}`.
    credited_and_refunded_on,
    /// Line of a credit note's totals.
    coupons,
    /// Line of a credit note's totals.
    credited,
    /// Line of a credit note's totals.
    refunded,
    /// Last line of the totals.
    total_due,
    /// Sentence.
    reverse_charge,
    /// Sentence by French law.
    reverse_charge_french,
    /// Sentence.
    tax_exempt,
    /// Sentence by French law.
    tax_exempt_french,
    /// `{product}`.
    powered_by,
    /// `{page}`, `{pages}`.
    page_number,
}

/// Puts values in the places that braces name. Braces within a value stay as they are.
#[must_use]
pub fn fill(words: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        // INVARIANT: every place is closed and known; a test fills all words of all languages.
        let (place, remainder) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(values.iter().find(|(name, _)| *name == place).map_or("", |(_, value)| value));
        rest = remainder;
    }
    filled + rest
}
