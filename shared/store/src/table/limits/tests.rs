use bytes::Bytes;

use super::*;

fn put(sort: usize, body_bytes: usize) -> Write {
    let key = Key { partition: "p".into(), sort: format!("{sort:02}") };
    Write::Put(Item::new(key, "", 1, Bytes::from(vec![0; body_bytes])), Condition::None)
}

#[test]
fn a_transaction_may_put_four_megabytes() {
    let Write::Put(small, _) = put(0, 1) else { panic!("a put") };
    let overhead = capacity::item_bytes(&small) - 1;
    let mut writes: Vec<Write> = (0..16).map(|sort| put(sort, 256 * 1024 - overhead)).collect();
    assert!(check_writes(&writes).is_ok(), "exactly");
    writes.push(put(99, 0));
    assert!(matches!(check_writes(&writes), Err(TableError::Refused(_))));
}

#[test]
fn ranges_that_hold_nothing_are_known() {
    let cases =
        [(None, None, false), (Some("a"), Some("a"), false), (Some("b"), Some("a"), true), (None, Some(""), true)];
    for (from, to, expected) in cases {
        let query = Query { from: from.map(str::to_owned), to: to.map(str::to_owned), ..Query::partition("p") };
        assert_eq!(range_is_empty(&query), expected, "{from:?}..{to:?}");
    }
}
