//! What the page of a credit note says (chapter 04, 13.5), and in which words.

use documents::credit_note;
use documents::locale::Locale;
use documents::pdf;
use documents::source::*;
use expect_test::expect;
use rust_decimal_macros::dec;

use crate::plain;
use crate::samples::*;

fn item(name: &str, amount_cents: i64, rates: &[rust_decimal::Decimal]) -> CreditedItem {
    CreditedItem { name: name.into(), amount_cents, tax_rates: rates.to_vec() }
}

/// A note with every kind of item, partly refunded.
fn note() -> CreditNoteSource {
    let invoice = invoice(Body::OneOff(Vec::new()));
    let twenty = [dec!(20)];
    CreditNoteSource {
        locale: Locale::En,
        currency: invoice.currency,
        number: "HOO-1A2B-001-042-CN001".into(),
        invoice_number: invoice.number,
        issuing_date: date("2024-02-15"),
        seller: invoice.seller,
        buyer: invoice.buyer,
        subscriptions: vec![
            CreditedSubscription {
                name: "Premium".into(),
                items: vec![item("Premium", 1600, &twenty)],
                charges: vec![
                    CreditedCharge {
                        name: "API calls".into(),
                        items: vec![item("API calls", 500, &[dec!(5.5), dec!(20)])],
                        groups: Vec::new(),
                        true_ups: vec![item("API calls", 300, &twenty)],
                    },
                    CreditedCharge {
                        name: "Storage".into(),
                        items: Vec::new(),
                        groups: vec![item("aws • eu", 200, &[]), item("aws • us", 100, &twenty)],
                        true_ups: Vec::new(),
                    },
                ],
            },
            CreditedSubscription {
                name: "Second".into(),
                items: vec![item("Second", 1000, &twenty)],
                charges: Vec::new(),
            },
        ],
        add_ons: vec![item("Set-up", 400, &twenty)],
        coupons_adjustment_cents: 160,
        sub_total_excluding_taxes_cents: 3940,
        taxes: vec![
            AppliedTax { name: "Local".into(), rate: dec!(5.5), base_cents: 500, amount_cents: 28 },
            AppliedTax { name: "TVA".into(), rate: dec!(20), base_cents: 3740, amount_cents: 748 },
        ],
        credit_cents: 4000,
        refund_cents: 716,
        total_cents: 4716,
        tax_notices: vec![TaxNotice::ReverseCharge],
        footer: Some("Thank you.\n".into()),
    }
}

#[test]
fn a_whole_page() {
    expect![[r#"
        # Credit note
        Credit note number: HOO-1A2B-001-042-CN001
        Invoice number: HOO-1A2B-001-042
        Issue date: Feb 15, 2024
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [From] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            Tax ID: FR32892345678
        [Credit to] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            Tax ID: DE299012345
        €47.16 | Credited on customer balance and refunded on Feb 15, 2024
        ---- 
        Item | Tax rate | Amount (excl. tax)
        == Premium
        Subscription - Premium | 20.0% | €16.00
        API calls | 20.0%, 5.5% | €5.00
        API calls - True-up | 20.0% | €3.00
        Storage |  | 
         aws • eu | 0.0% | €2.00
         aws • us | 20.0% | €1.00
        == Second
        Subscription - Second | 20.0% | €10.00
        Set-up | 20.0% | €4.00
        = Coupons | -€1.60
        = Subtotal (excl. tax) | €39.40
        = TVA (20.0% on €37.40) | €7.48
        = Local (5.5% on €5.00) | €0.28
        = Credited on customer balance | €40.00
        = Refunded | €7.16
        = Total | €47.16
        Reverse charge: VAT is due by the recipient (article 283-2 of the French tax code, CGI).
        Thank you.
        Powered by Weir | Page # of #
    "#]]
    .assert_eq(&plain::page(&credit_note::page(&note())));
}

#[test]
fn what_is_nothing_is_not_printed() {
    let small = CreditNoteSource {
        subscriptions: note().subscriptions.into_iter().skip(1).collect(),
        add_ons: Vec::new(),
        coupons_adjustment_cents: 0,
        taxes: Vec::new(),
        refund_cents: 0,
        ..note()
    };
    expect![[r#"
        ---- 
        Item | Tax rate | Amount (excl. tax)
        Subscription - Second | 20.0% | €10.00
        = Subtotal (excl. tax) | €39.40
        = Tax (0%) | €0.00
        = Credited on customer balance | €40.00
        = Total | €47.16
    "#]]
    .assert_eq(&plain::sheets(&credit_note::page(&small)));
    let headline = |credit_cents, refund_cents| {
        credit_note::page(&CreditNoteSource { credit_cents, refund_cents, ..note() }).headline_note
    };
    let on_balance = "Credited on customer balance on Feb\u{a0}15,\u{a0}2024";
    assert_eq!(headline(1, 0).map(|text| text.replace('\u{a0}', " ")), Some(on_balance.replace('\u{a0}', " ")));
    assert_eq!(headline(0, 1).map(|text| text.replace('\u{a0}', " ")).as_deref(), Some("Refunded on Feb 15, 2024"));
    assert_eq!(headline(0, 0), None);
}

#[test]
fn every_language_has_its_words() {
    let words = |locale| {
        let page = credit_note::page(&CreditNoteSource { locale, ..note() });
        let labels: Vec<&str> = page.facts.iter().map(|fact| fact.label.as_str()).collect();
        let totals: Vec<&str> = page.sheets[0].totals.iter().map(|sum| sum.label.as_str()).collect();
        let text = format!(
            "{}: {} | {} | {}\n  {}\n  {}\n",
            page.title,
            labels.join(", "),
            page.to.heading,
            page.headline,
            page.headline_note.clone().unwrap_or_default(),
            totals.join(", ")
        );
        text.replace('\u{a0}', " ")
    };
    let all: String = Locale::ALL.into_iter().map(words).collect();
    expect![[r#"
        Credit note: Credit note number, Invoice number, Issue date | Credit to | €47.16
          Credited on customer balance and refunded on Feb 15, 2024
          Coupons, Subtotal (excl. tax), TVA (20.0% on €37.40), Local (5.5% on €5.00), Credited on customer balance, Refunded, Total
        Avoir: Numéro d’avoir, Numéro de facture, Date d’émission | Crédité à | 47,16 €
          Crédité sur le solde du client et remboursé le 15 Fév 2024
          Coupons, Sous-total (HT), TVA (20,0 % sur 37,40 €), Local (5,5 % sur 5,00 €), Crédité sur le solde du client, Remboursé, Total
        Kreditnota: Kreditnotanummer, Fakturanummer, Utstedelsesdato | Krediteres | €47,16
          Kreditert kundens saldo og refundert 15 Feb, 2024
          Kuponger, Delsum (ekskl. mva.), TVA (20,0 % av €37,40), Local (5,5 % av €5,00), Kreditert kundens saldo, Refundert, Sum
        Gutschrift: Gutschriftsnummer, Rechnungsnummer, Ausstellungsdatum | Gutschrift an | €47,16
          Dem Kundenkonto gutgeschrieben und erstattet am 15. Feb. 2024
          Coupons, Zwischensumme (netto), TVA (20,0 % auf €37,40), Local (5,5 % auf €5,00), Dem Kundenkonto gutgeschrieben, Erstattet, Summe
        Nota di credito: Numero nota di credito, Numero fattura, Data di emissione | Accreditare a | 47,16 €
          Accreditato sul saldo del cliente e rimborsato il 15 Feb. 2024
          Coupon, Subtotale (IVA escl.), TVA (20,0% su 37,40 €), Local (5,5% su 5,00 €), Accreditato sul saldo del cliente, Rimborsato, Totale
        Nota de crédito: Número de nota de crédito, Número de factura, Fecha de emisión | Abonar a | €47.16
          Abonado en el saldo del cliente y reembolsado el 15 de Feb. de 2024
          Cupones, Subtotal (sin impuestos), TVA (20.0% sobre €37.40), Local (5.5% sobre €5.00), Abonado en el saldo del cliente, Reembolsado, Total
        Kreditnota: Kreditnotanummer, Fakturanummer, Utfärdandedatum | Krediteras | 47,16 €
          Krediterad på kundens saldo och återbetald den 15 feb. 2024
          Kuponger, Delsumma (exkl. moms), TVA (20,0 % av 37,40 €), Local (5,5 % av 5,00 €), Krediterad på kundens saldo, Återbetald, Summa
    "#]].assert_eq(&all);
}

#[test]
fn the_same_note_gives_the_same_bytes() {
    let page = credit_note::page(&note());
    let bytes = pdf::bytes(&page).unwrap();
    assert_eq!(bytes, pdf::bytes(&page).unwrap());
    let text = pdf_extract::extract_text_from_mem(&bytes).unwrap();
    for words in ["HOO-1A2B-001-042-CN001", "aws • eu", "€47.16", "API calls - True-up"] {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
}
