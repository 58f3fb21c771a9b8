use bytes::Bytes;

use super::*;
use crate::table::Condition;

fn item(body_bytes: usize) -> Item {
    // pk 2+3, sk 2+3, kind 4+2, s 1+2, v 1+2: 22 bytes, and the body's name.
    let key = Key { partition: "abc".into(), sort: "def".into() };
    Item::new(key, "ki", 1, Bytes::from(vec![0; body_bytes]))
}

fn indexed(body_bytes: usize, entries: &[(Index, &str)]) -> Item {
    let mut item = item(body_bytes);
    item.entries = entries
        .iter()
        .map(|(index, sort)| IndexEntry { index: *index, partition: "p".into(), sort: (*sort).into() })
        .collect();
    item
}

#[test]
fn numbers_take_a_byte_per_pair_of_digits() {
    let cases: &[(i128, usize)] = &[
        (0, 1),
        (1, 2),
        (9, 2),
        (10, 2),
        (99, 2),
        (100, 2),
        (101, 3),
        (1000, 2),
        (1234, 3),
        (12345, 4),
        (10_000_000, 2),
        (-1, 3),
        (-1234, 4),
        (1_790_000_000, 3),
        (1_790_000_001, 6),
        (i64::MAX.into(), 11),
        (i64::MIN.into(), 12),
    ];
    for (value, expected) in cases {
        assert_eq!(number_bytes("", *value), *expected, "{value}");
    }
}

#[test]
fn items_pay_for_names_and_values() {
    assert_eq!(item_bytes(&item(0)), 22, "an empty body is not stored");
    assert_eq!(item_bytes(&item(1)), 24);
    assert_eq!(item_bytes(&item(1000)), 1023);

    let mut full = indexed(0, &[(Index::ByDue, "s"), (Index::ByParent, "ü")]);
    full.expires_at = Some(1_790_000_001);
    full.counter = Some(-1);
    // x 1+6, n 1+3, due 5+1+5+1, par 5+1+5+2.
    assert_eq!(item_bytes(&full), 22 + 7 + 4 + 12 + 13);
}

#[test]
fn reads_round_up_once_per_request() {
    let cases: &[(usize, u64, u64)] = &[(0, 2, 1), (1, 2, 1), (4096, 2, 1), (4097, 4, 2), (409_600, 200, 100)];
    for (bytes, strong, eventual) in cases {
        assert_eq!((strong_read(*bytes), eventual_read(*bytes)), (*strong, *eventual), "{bytes} bytes");
    }
}

#[test]
fn writes_cost_the_larger_side_and_the_indexes_that_change() {
    let due = |sort| indexed(0, &[(Index::ByDue, sort)]);
    let two = indexed(0, &[(Index::ByDue, "a"), (Index::ByParent, "a")]);
    let long = "x".repeat(1020);
    let expiring = Item { expires_at: Some(5), ..due("a") };
    let cases = vec![
        ("nothing deleted", None, None, 1, 2),
        ("small", None, Some(item(0)), 1, 2),
        ("exactly one unit", None, Some(item(1001)), 1, 2),
        ("one byte more", None, Some(item(1002)), 2, 4),
        ("grows", Some(item(0)), Some(item(5000)), 5, 10),
        ("shrinks", Some(item(5000)), Some(item(0)), 5, 10),
        ("deleted", Some(item(5000)), None, 5, 10),
        ("entry appears", None, Some(due("a")), 2, 3),
        ("entry appears later", Some(item(0)), Some(due("a")), 2, 3),
        ("entry goes", Some(due("a")), Some(item(0)), 2, 3),
        ("entry goes with the item", Some(due("a")), None, 2, 3),
        ("entry stays", Some(due("a")), Some(due("a")), 1, 2),
        ("entry moves", Some(due("a")), Some(due("b")), 3, 4),
        ("entry's expiry changes", Some(due("a")), Some(expiring.clone()), 2, 3),
        ("entry expires as before", Some(expiring.clone()), Some(expiring), 1, 2),
        ("two entries appear", None, Some(two.clone()), 3, 4),
        ("one of two entries goes", Some(two), Some(due("a")), 2, 3),
        ("a large entry", None, Some(due(&long)), 2 + 2, 4 + 2),
        ("a large entry moves", Some(due(&long)), Some(due("a")), 2 + 2 + 1, 4 + 2 + 1),
    ];
    for (name, old, new, plain, transaction) in cases {
        let (old, new) = (old.as_ref().map(Footprint::of), new.as_ref().map(Footprint::of));
        let units = |sent| write_units(old.as_ref(), new.as_ref(), sent);
        assert_eq!((units(Sent::Plain), units(Sent::Transaction)), (plain, transaction), "{name}");
    }
}

#[test]
fn a_single_write_needs_no_transaction() {
    let put = Write::Put(item(0), Condition::Absent);
    let check = Write::Check(item(0).key, Condition::Absent);
    assert_eq!(Sent::of(std::slice::from_ref(&put)), Sent::Plain);
    assert_eq!(Sent::of(&[Write::Add(item(0).key, 1)]), Sent::Plain);
    assert_eq!(Sent::of(std::slice::from_ref(&check)), Sent::Transaction);
    assert_eq!(Sent::of(&[put, check]), Sent::Transaction);
}

#[test]
fn failed_conditions_cost_what_was_sent() {
    let writes = [Write::Put(item(5000), Condition::Absent), Write::Check(item(0).key, Condition::Absent)];
    assert_eq!(failed_units(&writes, Sent::Transaction), 2 * (5 + 1));
    assert_eq!(failed_units(&writes[..1], Sent::Plain), 5);
}
