//! What can be read in the PDF, and what cannot break it.

use std::path::PathBuf;
use std::time::Instant;

use documents::locale::Locale;
use documents::source::*;
use documents::{invoice, pdf};
use expect_test::expect;
use rust_decimal_macros::dec;

use crate::reader;
use crate::samples::*;

/// The bytes of an invoice, kept under a name to look at.
fn draw(name: &str, source: &InvoiceSource) -> Vec<u8> {
    let page = invoice::page(source);
    let start = Instant::now();
    let bytes = pdf::bytes(&page).unwrap();
    println!("{name}: {} bytes in {} ms", bytes.len(), start.elapsed().as_millis());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.pdf")), &bytes).unwrap();
    bytes
}

/// A picture of so many pixels, in one colour.
fn png(width: u32, height: u32) -> Logo {
    // Stored, not compressed: a row is a filter byte and one grey byte per pixel.
    let raw: Vec<u8> = (0..height).flat_map(|_| std::iter::once(0).chain((0..width).map(|_| 90))).collect();
    let length = u16::try_from(raw.len()).unwrap();
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(&raw);
    let (low, high) = raw.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    stream.extend((high << 16 | low).to_be_bytes());

    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
        })
    };
    let chunk = |kind: &[u8], content: &[u8]| {
        let named = [kind, content].concat();
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [length.to_vec(), named.clone(), crc(&named).to_be_bytes().to_vec()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &header), chunk(b"IDAT", &stream), chunk(b"IEND", &[])];
    Logo { kind: LogoKind::Png, bytes: [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat()].concat() }
}

#[test]
fn a_whole_invoice_can_be_read() {
    let mut source = full();
    source.seller.logo = Some(png(160, 40));
    source.tax_notices = vec![TaxNotice::ReverseCharge];
    let pages = reader::pages(&draw("full", &source));
    expect![[r#"
        Invoice
        Invoice number | HOO-1A2B-001-042 | Purchase order | PO-2024-0117
        Issue date | Feb 01, 2024 | Cost centre | 4711
        Payment term | 30 days
        From | Bill to
        Hooli SAS | Nordwind Logistik GmbH
        RCS Paris 892 345 678 | Friedrichstraße 68
        12 rue de la Paix | Hinterhaus, 3. Etage
        75002 Paris | 10117 Berlin
        France | Germany
        billing@hooli.example | rechnungen@nordwind.example
        Tax ID: FR32892345678 | Tax ID: DE299012345
        €1,093.34
        Due Mar 02, 2024
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        Fees from Jan 01, 2024 to Jan 31, 2024
        Monthly subscription - Premium | 1 | €49.00 | 20.0% | €49.00
        API calls
        Fee per unit for the first 1,000 | 1,000 | €0.01 | €10.00
        Fee per unit for the next 1,001 to 10,000 | 9,000 | €0.005 | €45.00
        Fee per unit for 10,001 and above | 2,500 | €0.0025 | €6.25
        Flat fee for the first 1,000 | 1 | €2.00 | €2.00
        Flat fee for 10,001 and above | 1 | €5.00 | €5.00
        Subtotal | 20.0% | €68.25
        Card payments
        Total events: 4
        Free units for 2 transactions | 250 | €0.00 | €0.00
        Rate on the amount | 550 | 1.3% | €7.15
        Fixed fee per transaction | 2 | €2.00 | €4.00
        Subtotal | 20.0% | €11.15
        E-mails
        Free units for the first 100 | 100 | €0.00 | €0.00
        Fee per package | 101 | €5.00 per 100 | €10.00
        Subtotal | 20.0% | €10.00
        Messages
        Fee per unit | 65,000 | €0.0006 | €39.00
        Flat fee for all units | 1 | €10.00 | €10.00
        Subtotal | 20.0% | €49.00
        Payouts
        Fee per unit for the first 10 | 10 | 1.0% | €0.10
        Fee per unit for the next 11 to 20 | 10 | 2.0% | €0.20
        Fee per unit for 21 and above | 1 | 3.0% | €0.03
        Flat fee for the first 10 | 1 | €200.00 | €200.00
        Flat fee for the next 11 to 20 | 1 | €300.00 | €300.00
        Flat fee for 21 and above | 1 | €400.00 | €400.00
        Subtotal | 20.0% | €900.33
        Invoice HOO-1A2B-001-042 | Powered by Weir | Page 1 of 2
        ~~~~
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        Storage GB | 120.5 | €0.125 | 20.0% | €15.06
        Welcome (€100.00) | -€100.00
        Early adopters (5.00%) | -€50.00
        Subtotal (excl. tax) | €952.79
        TVA (20.0% on €952.79) | €190.55
        Subtotal (incl. tax) | €1,143.34
        Credit notes | -€20.00
        Prepaid credits | -€30.00
        Total due | €1,093.34
        Reverse charge: VAT is due by the recipient (article 283-2 of the French tax code, CGI).
        Thank you for your business.
        Hooli SAS, share capital €50,000. IBAN FR76 3000 6000 0112 3456 7890 189.
        Invoice HOO-1A2B-001-042 | Powered by Weir | Page 2 of 2"#]]
    .assert_eq(&pages.iter().map(|page| page.join("\n")).collect::<Vec<_>>().join("\n~~~~\n"));
}

#[test]
fn a_short_invoice_is_one_page() {
    let pages = reader::pages(&draw("one-off", &one_off()));
    assert_eq!(pages.len(), 1);
    expect![[r#"
        Invoice
        Invoice number | HOO-1A2B-001-042 | Purchase order | PO-2024-0117
        Issue date | Feb 01, 2024 | Cost centre | 4711
        Payment term | 30 days
        From | Bill to
        Hooli SAS | Nordwind Logistik GmbH
        RCS Paris 892 345 678 | Friedrichstraße 68
        12 rue de la Paix | Hinterhaus, 3. Etage
        75002 Paris | 10117 Berlin
        France | Germany
        billing@hooli.example | rechnungen@nordwind.example
        Tax ID: FR32892345678 | Tax ID: DE299012345
        €3,280.00
        Due Mar 02, 2024
        Item | Units | Unit price | Tax rate | Amount (excl. tax)
        Onboarding | 2 | €1,200.00 | 20.0% | €2,400.00
        Two days on site
        including travel
        Data export | 1 | €400.00 | 0.0% | €400.00
        Subtotal (excl. tax) | €2,800.00
        TVA (20.0% on €2,400.00) | €480.00
        Subtotal (incl. tax) | €3,280.00
        Total due | €3,280.00
        Thank you for your business.
        Hooli SAS, share capital €50,000. IBAN FR76 3000 6000 0112 3456 7890 189.
        Invoice HOO-1A2B-001-042 | Powered by Weir | Page 1 of 1"#]]
    .assert_eq(&pages[0].join("\n"));
}

#[test]
fn each_subscription_starts_a_page() {
    let pages = reader::pages(&draw("several", &several()));
    let first_lines: Vec<&str> = pages.iter().map(|page| page[0].as_str()).collect();
    assert_eq!(first_lines, ["Invoice", "Production details", "Basic details", "Staging details"]);
}

#[test]
fn every_page_of_a_long_invoice_has_the_table_s_heading_and_its_number() {
    let pages = reader::pages(&draw("long", &long()));
    assert_eq!(pages.len(), 4);
    for (position, page) in pages.iter().enumerate() {
        assert!(page.last().unwrap().ends_with(&format!("Page {} of 4", position + 1)), "{page:#?}");
        let table_goes_on = (1..3).contains(&position);
        if table_goes_on {
            assert_eq!(page[0], "Item | Units | Unit price | Tax rate | Amount (excl. tax)");
        }
    }
}

#[test]
fn a_thousand_fees_are_all_there() {
    let source = thousand_fees();
    let pages = reader::pages(&draw("thousand", &source));
    let lines = pages.concat();
    for number in 1..=1000 {
        let units = source.locale.number(number.into());
        let start = format!("Product {number:04} | {units} | €0.25 | 20.0% | €");
        assert_eq!(lines.iter().filter(|line| line.starts_with(&start)).count(), 1, "{start}");
    }
    assert!(pages.len() > 20, "{}", pages.len());
}

#[test]
fn the_same_page_gives_the_same_bytes() {
    let page = invoice::page(&several());
    assert!(pdf::bytes(&page).unwrap() == pdf::bytes(&page).unwrap());
}

#[test]
fn every_kind_and_language_can_be_drawn() {
    for locale in Locale::ALL {
        let source = InvoiceSource { locale, ..full() };
        let text = reader::text(&draw(&format!("full-{}", locale.code()), &source));
        let total = invoice::page(&source).headline.replace('\u{a0}', " ");
        assert!(text.contains(&total), "{locale:?}: {text}");
    }
    assert!(reader::text(&draw("yen", &yen())).contains("¥753,812"));
    assert!(reader::text(&draw("credit", &credit(Some("Team wallet")))).contains("Prepaid credits - Team wallet"));
    assert!(reader::text(&draw("advance", &advance_charges())).contains("Messages • Europe | 1 |"));
}

#[test]
fn what_customers_write_is_printed_and_not_run() {
    let hostile = [
        "#panic(\"x\") $x^2$ *bold* _it_ `raw`",
        "[a](b) <label> @ref = Title // not /* a comment",
        "\\n \\u{41} ~ -- --- ... \"quotes\" 'single'",
        "{braces} {total} #{code} ${money} %s",
        "- list + enum / term: x",
    ];
    for words in hostile {
        let mut source = one_off();
        let Body::OneOff(fees) = &mut source.body else { unreachable!() };
        fees[0].name = words.to_owned();
        fees[0].description = Some(words.to_owned());
        source.footer = Some(words.to_owned());
        source.seller.party.legal_name = Some(words.to_owned());
        source.buyer.metadata = vec![Metadata { key: words.to_owned(), value: words.to_owned() }];
        source.totals.taxes[0].name = words.to_owned();
        source.number = words.to_owned();
        let text = reader::text(&draw("hostile", &source)).replace('\n', " ");
        assert!(text.matches(words).count() >= 4, "{words}: {text}");
    }
}

#[test]
fn what_has_no_glyph_or_no_end_does_no_harm() {
    let word = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(6);
    let odd = ["🎉 party 👩‍👩‍👧", "日本語 テスト", "שלום عربى", "\u{0}\u{7}\r\n\t\u{feff}", "", &word, &"€ ".repeat(300)];
    for words in odd {
        let mut source = several();
        let Body::Subscriptions(subscriptions) = &mut source.body else { unreachable!() };
        subscriptions[0].name = Some(words.to_owned());
        subscriptions[0].charge_fees[0].name = words.to_owned();
        subscriptions[1].plan_name = words.to_owned();
        source.seller.party = Party { name: words.into(), email: Some(words.into()), ..Party::default() };
        source.seller.logo = Some(png(4, 4));
        source.buyer.metadata = vec![Metadata { key: words.into(), value: words.into() }];
        source.totals.taxes[0].name = words.into();
        source.totals.coupons =
            vec![CouponCredit { name: words.into(), value: CouponValue::Percentage(dec!(1)), amount_cents: 1 }];
        source.number = words.into();
        source.footer = Some(words.into());
        let text = reader::text(&draw(&format!("odd-{}", words.chars().count()), &source));
        assert!(text.contains("€270.30"), "{words}: {text}");
    }
}

#[test]
fn a_very_long_word_is_broken_and_copied_as_one() {
    let word = "0123456789abcdef".repeat(6);
    let mut source = one_off();
    let Body::OneOff(fees) = &mut source.body else { unreachable!() };
    fees[1].name = word.clone();
    let lines = reader::pages(&draw("word", &source)).concat();
    assert!(lines.iter().filter(|line| line.contains("89abcdef")).count() > 1, "{lines:#?}");
    // It is drawn in runs of eight letters.
    let joined = lines.join(" | ");
    let runs = joined.split(" | ").filter(|run| ["01234567", "89abcdef"].contains(run));
    assert_eq!(runs.collect::<String>(), word);
}

#[test]
fn a_broken_logo_is_left_out() {
    let plain = draw("plain", &one_off());
    let with = |logo| {
        pdf::bytes(&invoice::page(&InvoiceSource {
            seller: Seller { logo: Some(logo), ..one_off().seller },
            ..one_off()
        }))
        .unwrap()
    };
    assert!(with(Logo { kind: LogoKind::Png, bytes: b"no picture".to_vec() }) == plain);
    assert!(with(Logo { kind: LogoKind::Jpeg, bytes: Vec::new() }) == plain);
    assert!(with(png(40, 40)) != plain);
}

#[test]
fn the_largest_figures_fit_side_by_side() {
    let mut source = subscriptions(vec![subscription(vec![standard(
        "Requests to the international gateway",
        dec!(123456789.123456789012345),
        dec!(1234.123456789012345),
        9_007_199_254_740_991,
    )])]);
    source.totals = totals(9_007_199_254_745_891);
    let text = reader::text(&draw("large", &source));
    expect!["123,456,789.123456789012345 | €1,234.123456789012345 | €90,071,992,547,409.91"]
        .assert_eq(text.lines().find(|line| line.contains("123,456,789")).unwrap());
}
