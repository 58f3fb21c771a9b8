//! One short page per language other than English.

use documents::invoice;
use documents::locale::Locale;
use documents::source::*;
use expect_test::{Expect, expect};
use rust_decimal_macros::dec;

use crate::plain;
use crate::samples::*;

#[track_caller]
fn check(locale: Locale, expected: Expect) {
    let fees = vec![graduated(), percentage(dec!(0), 1115), true_up("API calls", 1_000_000, 1_006_825)];
    let mut source = InvoiceSource { locale, ..subscriptions(vec![subscription(fees)]) };
    source.footer = None;
    source.totals.coupons =
        vec![CouponCredit { name: "Welcome".into(), value: CouponValue::Percentage(dec!(12.5)), amount_cents: 1250 }];
    expected.assert_eq(&plain::page(&invoice::page(&source)));
}

#[test]
fn french() {
    check(
        Locale::Fr,
        expect![[r#"
            # Facture
            Numéro de facture: HOO-1A2B-001-042
            Date d’émission: 01 Fév 2024
            Délai de paiement: 30 jours
            Purchase order: PO-2024-0117
            Cost centre: 4711
            [De] Hooli SAS
                RCS Paris 892 345 678
                12 rue de la Paix
                75002 Paris
                France
                billing@hooli.example
                N° TVA : FR32892345678
            [Facturé à] Nordwind Logistik GmbH
                Friedrichstraße 68
                Hinterhaus, 3. Etage
                10117 Berlin
                Germany
                rechnungen@nordwind.example
                N° TVA : DE299012345
            12 154,08 € | À payer au plus tard le 02 Mar 2024
            ---- 
            Article | Unités | Prix unitaire | Taux de taxe | Montant (HT)
            == Frais du 01 Jan 2024 au 31 Jan 2024
            Abonnement mensuel - Premium | 1 | 49,00 € | 20,0 % | 49,00 €
            API calls
              Prix par unité pour les 1 000 premières | 1 000 | 0,01 € |  | 10,00 €
              Prix par unité pour les suivantes, de 1 001 à 10 000 | 9 000 | 0,005 € |  | 45,00 €
              Prix par unité à partir de 10 001 | 2 500 | 0,0025 € |  | 6,25 €
              Forfait pour les 1 000 premières | 1 | 2,00 € |  | 2,00 €
              Forfait à partir de 10 001 | 1 | 5,00 € |  | 5,00 €
              Sous-total |  |  | 20,0 % | 68,25 €
            API calls - Ajustement | 1 | 10 000,00 € | 20,0 % | 10 000,00 €
              (Minimum de dépense de 10 068,25 € au prorata des jours d’utilisation)
            Card payments
              (Total des événements : 4)
              Unités gratuites pour 2 transactions | 250 | 0,00 € |  | 0,00 €
              Taux appliqué au montant | 550 | 1,3 % |  | 7,15 €
              Frais fixes par transaction | 2 | 2,00 € |  | 4,00 €
              Sous-total |  |  | 20,0 % | 11,15 €
            = Welcome (12,50 %) | -12,50 €
            = Sous-total (HT) | 10 128,40 €
            = TVA (20,0 % sur 10 128,40 €) | 2 025,68 €
            = Sous-total (TTC) | 12 154,08 €
            = Total à payer | 12 154,08 €
            Propulsé par Weir | Page # sur #
        "#]],
    );
}

#[test]
fn german() {
    check(
        Locale::De,
        expect![[r#"
        # Rechnung
        Rechnungsnummer: HOO-1A2B-001-042
        Rechnungsdatum: 01. Feb. 2024
        Zahlungsziel: 30 Tage
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [Von] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            USt-IdNr.: FR32892345678
        [Rechnung an] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            USt-IdNr.: DE299012345
        €12.154,08 | Fällig am 02. Mär. 2024
        ---- 
        Position | Einheiten | Stückpreis | Steuersatz | Betrag (netto)
        == Gebühren vom 01. Jan. 2024 bis 31. Jan. 2024
        Monatliches Abonnement - Premium | 1 | €49,00 | 20,0 % | €49,00
        API calls
          Gebühr pro Einheit für die ersten 1.000 | 1.000 | €0,01 |  | €10,00
          Gebühr pro Einheit für die nächsten 1.001 bis 10.000 | 9.000 | €0,005 |  | €45,00
          Gebühr pro Einheit ab 10.001 | 2.500 | €0,0025 |  | €6,25
          Pauschale für die ersten 1.000 | 1 | €2,00 |  | €2,00
          Pauschale ab 10.001 | 1 | €5,00 |  | €5,00
          Zwischensumme |  |  | 20,0 % | €68,25
        API calls - Ausgleich | 1 | €10.000,00 | 20,0 % | €10.000,00
          (Mindestumsatz von €10.068,25, anteilig nach Nutzungstagen)
        Card payments
          (Ereignisse insgesamt: 4)
          Freie Einheiten für 2 Transaktionen | 250 | €0,00 |  | €0,00
          Satz auf den Betrag | 550 | 1,3 % |  | €7,15
          Festgebühr pro Transaktion | 2 | €2,00 |  | €4,00
          Zwischensumme |  |  | 20,0 % | €11,15
        = Welcome (12,50 %) | -€12,50
        = Zwischensumme (netto) | €10.128,40
        = TVA (20,0 % auf €10.128,40) | €2.025,68
        = Zwischensumme (brutto) | €12.154,08
        = Zu zahlender Betrag | €12.154,08
        Bereitgestellt von Weir | Seite # von #
    "#]],
    );
}

#[test]
fn italian() {
    check(
        Locale::It,
        expect![[r#"
        # Fattura
        Numero fattura: HOO-1A2B-001-042
        Data di emissione: 01 Feb. 2024
        Termini di pagamento: 30 giorni
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [Da] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            Partita IVA: FR32892345678
        [Fatturare a] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            Partita IVA: DE299012345
        12.154,08 € | Scadenza 02 Mar. 2024
        ---- 
        Articolo | Unità | Prezzo unitario | Aliquota | Importo (IVA escl.)
        == Costi dal 01 Gen. 2024 al 31 Gen. 2024
        Abbonamento mensile - Premium | 1 | 49,00 € | 20,0% | 49,00 €
        API calls
          Costo per unità per le prime 1.000 | 1.000 | 0,01 € |  | 10,00 €
          Costo per unità per le successive, da 1.001 a 10.000 | 9.000 | 0,005 € |  | 45,00 €
          Costo per unità da 10.001 in su | 2.500 | 0,0025 € |  | 6,25 €
          Costo fisso per le prime 1.000 | 1 | 2,00 € |  | 2,00 €
          Costo fisso da 10.001 in su | 1 | 5,00 € |  | 5,00 €
          Subtotale |  |  | 20,0% | 68,25 €
        API calls - Conguaglio | 1 | 10.000,00 € | 20,0% | 10.000,00 €
          (Spesa minima di 10.068,25 € ripartita sui giorni di utilizzo)
        Card payments
          (Totale eventi: 4)
          Unità gratuite per 2 transazioni | 250 | 0,00 € |  | 0,00 €
          Tasso sull’importo | 550 | 1,3% |  | 7,15 €
          Costo fisso per transazione | 2 | 2,00 € |  | 4,00 €
          Subtotale |  |  | 20,0% | 11,15 €
        = Welcome (12,50%) | -12,50 €
        = Subtotale (IVA escl.) | 10.128,40 €
        = TVA (20,0% su 10.128,40 €) | 2.025,68 €
        = Subtotale (IVA incl.) | 12.154,08 €
        = Totale dovuto | 12.154,08 €
        Fornito da Weir | Pagina # di #
    "#]],
    );
}

#[test]
fn spanish() {
    check(
        Locale::Es,
        expect![[r#"
        # Factura
        Número de factura: HOO-1A2B-001-042
        Fecha de emisión: 01 de Feb. de 2024
        Plazo de pago: 30 días
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [De] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            NIF: FR32892345678
        [Facturar a] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            NIF: DE299012345
        €12,154.08 | Vence el 02 de Mar. de 2024
        ---- 
        Concepto | Unidades | Precio unitario | Tipo impositivo | Importe (sin impuestos)
        == Cargos del 01 de Ene. de 2024 al 31 de Ene. de 2024
        Suscripción mensual - Premium | 1 | €49.00 | 20.0% | €49.00
        API calls
          Precio por unidad para las primeras 1,000 | 1,000 | €0.01 |  | €10.00
          Precio por unidad para las siguientes, de 1,001 a 10,000 | 9,000 | €0.005 |  | €45.00
          Precio por unidad a partir de 10,001 | 2,500 | €0.0025 |  | €6.25
          Tarifa fija para las primeras 1,000 | 1 | €2.00 |  | €2.00
          Tarifa fija a partir de 10,001 | 1 | €5.00 |  | €5.00
          Subtotal |  |  | 20.0% | €68.25
        API calls - Regularización | 1 | €10,000.00 | 20.0% | €10,000.00
          (Gasto mínimo de €10,068.25 prorrateado por días de uso)
        Card payments
          (Total de eventos: 4)
          Unidades gratuitas para 2 transacciones | 250 | €0.00 |  | €0.00
          Porcentaje sobre el importe | 550 | 1.3% |  | €7.15
          Tarifa fija por transacción | 2 | €2.00 |  | €4.00
          Subtotal |  |  | 20.0% | €11.15
        = Welcome (12.50%) | -€12.50
        = Subtotal (sin impuestos) | €10,128.40
        = TVA (20.0% sobre €10,128.40) | €2,025.68
        = Subtotal (con impuestos) | €12,154.08
        = Total a pagar | €12,154.08
        Con la tecnología de Weir | Página # de #
    "#]],
    );
}

#[test]
fn norwegian() {
    check(
        Locale::Nb,
        expect![[r#"
        # Faktura
        Fakturanummer: HOO-1A2B-001-042
        Fakturadato: 01 Feb, 2024
        Betalingsfrist: 30 dager
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [Fra] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            MVA-nummer: FR32892345678
        [Faktureres til] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            MVA-nummer: DE299012345
        €12 154,08 | Forfaller 02 Mar, 2024
        ---- 
        Vare | Enheter | Enhetspris | Avgiftssats | Beløp (ekskl. mva.)
        == Gebyrer fra 01 Jan, 2024 til 31 Jan, 2024
        Månedlig abonnement - Premium | 1 | €49,00 | 20,0 % | €49,00
        API calls
          Gebyr per enhet for de første 1 000 | 1 000 | €0,01 |  | €10,00
          Gebyr per enhet for de neste 1 001 til 10 000 | 9 000 | €0,005 |  | €45,00
          Gebyr per enhet for 10 001 og over | 2 500 | €0,0025 |  | €6,25
          Fast gebyr for de første 1 000 | 1 | €2,00 |  | €2,00
          Fast gebyr for 10 001 og over | 1 | €5,00 |  | €5,00
          Delsum |  |  | 20,0 % | €68,25
        API calls - Utjevning | 1 | €10 000,00 | 20,0 % | €10 000,00
          (Minimumsforbruk på €10 068,25 fordelt på bruksdager)
        Card payments
          (Hendelser totalt: 4)
          Gratis enheter for 2 transaksjoner | 250 | €0,00 |  | €0,00
          Sats på beløpet | 550 | 1,3 % |  | €7,15
          Fast gebyr per transaksjon | 2 | €2,00 |  | €4,00
          Delsum |  |  | 20,0 % | €11,15
        = Welcome (12,50 %) | -€12,50
        = Delsum (ekskl. mva.) | €10 128,40
        = TVA (20,0 % av €10 128,40) | €2 025,68
        = Delsum (inkl. mva.) | €12 154,08
        = Å betale | €12 154,08
        Levert av Weir | Side # av #
    "#]],
    );
}

#[test]
fn swedish() {
    check(
        Locale::Sv,
        expect![[r#"
        # Faktura
        Fakturanummer: HOO-1A2B-001-042
        Fakturadatum: 01 feb. 2024
        Betalningsvillkor: 30 dagar
        Purchase order: PO-2024-0117
        Cost centre: 4711
        [Från] Hooli SAS
            RCS Paris 892 345 678
            12 rue de la Paix
            75002 Paris
            France
            billing@hooli.example
            Momsregistreringsnummer: FR32892345678
        [Faktureras till] Nordwind Logistik GmbH
            Friedrichstraße 68
            Hinterhaus, 3. Etage
            10117 Berlin
            Germany
            rechnungen@nordwind.example
            Momsregistreringsnummer: DE299012345
        12 154,08 € | Förfaller 02 mars 2024
        ---- 
        Artikel | Enheter | Pris per enhet | Skattesats | Belopp (exkl. moms)
        == Avgifter från 01 jan. 2024 till 31 jan. 2024
        Månadsprenumeration - Premium | 1 | 49,00 € | 20,0 % | 49,00 €
        API calls
          Avgift per enhet för de första 1 000 | 1 000 | 0,01 € |  | 10,00 €
          Avgift per enhet för nästa 1 001 till 10 000 | 9 000 | 0,005 € |  | 45,00 €
          Avgift per enhet för 10 001 och över | 2 500 | 0,0025 € |  | 6,25 €
          Fast avgift för de första 1 000 | 1 | 2,00 € |  | 2,00 €
          Fast avgift för 10 001 och över | 1 | 5,00 € |  | 5,00 €
          Delsumma |  |  | 20,0 % | 68,25 €
        API calls - Utjämning | 1 | 10 000,00 € | 20,0 % | 10 000,00 €
          (Minimiförbrukning på 10 068,25 € fördelad på användningsdagar)
        Card payments
          (Händelser totalt: 4)
          Kostnadsfria enheter för 2 transaktioner | 250 | 0,00 € |  | 0,00 €
          Procentsats på beloppet | 550 | 1,3 % |  | 7,15 €
          Fast avgift per transaktion | 2 | 2,00 € |  | 4,00 €
          Delsumma |  |  | 20,0 % | 11,15 €
        = Welcome (12,50 %) | -12,50 €
        = Delsumma (exkl. moms) | 10 128,40 €
        = TVA (20,0 % av 10 128,40 €) | 2 025,68 €
        = Delsumma (inkl. moms) | 12 154,08 €
        = Att betala | 12 154,08 €
        Drivs av Weir | Sida # av #
    "#]],
    );
}
