//! Yjs updates and state vectors as pages send them and logs hold them: whoever may edit, or write to the
//! home folder, can make them say anything. yrs trusts them more than that: what makes no sense may panic,
//! ask for gigabytes, or be kept until what it follows on is there and make a panic of all later uses.

use std::borrow::Cow;
use std::panic::catch_unwind;

use anyhow::{Context, ensure};
use yrs::encoding::read::{Cursor, Read};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, IdSet, ReadTxn, StateVector, Transact, Update, WriteTxn};

/// The most that one client may ever have inserted into a document, in UTF-16 units. yrs counts them in 32
/// bits.
const MAX_CLOCK: u32 = 1 << 30;

pub fn decode_vector(bytes: &[u8]) -> anyhow::Result<StateVector> {
    decode(bytes)
}

/// Applies an update to a document; returns what that changed, as an update, if anything. What follows on
/// edits that are not there waits for these. An error means that it makes no sense: then the document is as
/// it was.
pub fn apply<'a>(doc: &Doc, bytes: &'a [u8]) -> anyhow::Result<Option<Cow<'a, [u8]>>> {
    let update: Update = decode(bytes)?;
    ensure!(
        is_bounded(&update.insertions(true)) && is_bounded(update.delete_set()),
        "it has more edits than a document can have"
    );
    let mut txn = doc.transact_mut();
    let waited = txn.has_missing_updates();
    txn.apply_update(update)?;
    if let Some(waits) = txn.prune_pending() {
        // With what can't be read again, the document could not be written any more.
        if let Ok(waits) = decode(&waits.encode_v1()) {
            txn.apply_update(waits)?;
        }
    }
    let is_new = !txn.insert_set().is_empty() || !txn.delete_set().is_empty();
    Ok(is_new.then(|| match waited {
        // It may have come into its place.
        true => txn.encode_update_v1().into(),
        false => bytes.into(),
    }))
}

fn is_bounded(set: &IdSet) -> bool {
    set.iter().all(|(_, ranges)| {
        let mut ranges = ranges.iter();
        ranges.all(|range| range.start <= range.end && range.end <= MAX_CLOCK)
    })
}

fn decode<T: Decode>(bytes: &[u8]) -> anyhow::Result<T> {
    // Both begin with how many clients follow, two bytes each at least; yrs makes room for all at once.
    let clients: u32 = Cursor::new(bytes).read_var()?;
    ensure!(clients as usize <= bytes.len() / 2, "it is cut short");
    let decoded = catch_unwind(|| T::decode_v1(bytes));
    Ok(decoded.ok().context("it makes no sense")??)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yrs::{GetString, Text, TextRef};

    use super::super::new_doc;
    use super::*;

    fn typed(doc: &Doc, text: &TextRef, at: u32, delete: u32, insert: &str) -> Vec<u8> {
        let mut txn = doc.transact_mut();
        text.remove_range(&mut txn, at, delete);
        text.insert(&mut txn, at, insert);
        txn.encode_update_v1()
    }

    fn whole(doc: &Doc) -> Vec<u8> {
        let txn = doc.transact();
        txn.encode_state_as_update_v1(&StateVector::default())
    }

    /// Of client 1, beginning at `clock`: `text` into the document's root.
    fn update_at(clock: u32, text: &str) -> Vec<u8> {
        let mut bytes = vec![1, 1, 1];
        yrs::encoding::write::Write::write_var(&mut bytes, clock);
        bytes.extend([4, 1, 4]);
        bytes.extend(b"text");
        bytes.push(text.len() as u8);
        bytes.extend(text.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn what_follows_on_something_that_is_not_there_waits_for_it() {
        let (theirs, their_text) = new_doc();
        let first = typed(&theirs, &their_text, 0, 0, "one");
        let second = typed(&theirs, &their_text, 3, 0, " two");
        let (doc, text) = new_doc();
        assert_eq!(apply(&doc, &second).unwrap(), None);
        let changed = apply(&doc, &first).unwrap().unwrap();
        assert_eq!(text.get_string(&doc.transact()), "one two");
        let (copy, copy_text) = new_doc();
        apply(&copy, &changed).unwrap();
        assert_eq!(copy_text.get_string(&copy.transact()), "one two");
        assert_eq!(apply(&doc, &second).unwrap(), None, "it is known");
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let (doc, text) = new_doc();
        let said = |clock, text| {
            let update = update_at(clock, text);
            let result = apply(&doc, &update);
            result.err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(said(MAX_CLOCK - 2, "ab"), "");
        assert_eq!(
            said(MAX_CLOCK - 1, "ab"),
            "it has more edits than a document can have"
        );
        assert_eq!(
            said(u32::MAX, "ab"),
            "it makes no sense",
            "not counted in 32 bits"
        );
        assert_eq!(text.get_string(&doc.transact()), "ab");
        // As many clients as are said to be there, and one more.
        assert!(decode_vector(&[2, 1, 0, 2, 0]).is_ok());
        let many = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0];
        for bytes in [&many[..], &[3, 1, 0, 2, 0], &[1, 1], &[]] {
            assert!(decode_vector(bytes).is_err(), "{bytes:?}");
            assert!(apply(&doc, bytes).is_err(), "{bytes:?}");
        }
        // No client id of Yjs has more than 53 bits.
        let id = |last| [&[1][..], &[0xff; 7], &[last, 0]].concat();
        assert!(decode_vector(&id(0x0f)).is_ok());
        assert!(decode_vector(&id(0x1f)).is_err());
    }

    #[derive(Debug, Clone)]
    enum Damage {
        Set(prop::sample::Index, u8),
        Insert(prop::sample::Index, Vec<u8>),
        Remove(prop::sample::Index),
    }

    fn damages() -> impl Strategy<Value = Vec<Damage>> {
        let at = any::<prop::sample::Index>;
        let damage = prop_oneof![
            (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
            (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, vec![byte])),
            // Numbers grow beyond all bounds.
            at().prop_map(|at| Damage::Insert(at, vec![0xff; 4])),
            at().prop_map(|at| Damage::Insert(at, vec![0xff; 8])),
            at().prop_map(Damage::Remove),
        ];
        proptest::collection::vec(damage, 1..4)
    }

    fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
        for damage in damages {
            match damage {
                Damage::Set(at, byte) if !bytes.is_empty() => {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                Damage::Remove(at) if !bytes.is_empty() => {
                    bytes.remove(at.index(bytes.len()));
                }
                Damage::Insert(at, more) => {
                    let at = at.index(bytes.len() + 1);
                    bytes.splice(at..at, more.iter().copied());
                }
                _ => {}
            }
        }
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// It is refused, or the document is one that goes on.
        #[test]
        fn a_damaged_update_does_no_harm(
            edits in proptest::collection::vec((0u32..20, 0u32..4, "[a-c]{1,4}"), 1..5),
            which in any::<prop::sample::Index>(),
            damages in damages(),
        ) {
            let (theirs, their_text) = new_doc();
            let mut updates: Vec<_> = edits
                .iter()
                .map(|(at, delete, insert)| {
                    let length = their_text.len(&theirs.transact());
                    let at = (*at).min(length);
                    typed(&theirs, &their_text, at, (*delete).min(length - at), insert)
                })
                .collect();
            updates.push(whole(&theirs));
            let (doc, text) = new_doc();
            let which = which.index(updates.len());
            for update in &updates[..which] {
                apply(&doc, update).unwrap();
            }
            let before = text.get_string(&doc.transact());
            let damaged = damaged(updates[which].clone(), &damages);
            if apply(&doc, &damaged).is_err() {
                prop_assert_eq!(text.get_string(&doc.transact()), before);
            }
            for update in &updates[which..] {
                prop_assert!(apply(&doc, update).is_ok());
            }
            text.insert(&mut doc.transact_mut(), 0, "on");
            let (copy, copy_text) = new_doc();
            // In one order only where nobody said two things of one edit.
            prop_assert!(apply(&copy, &whole(&doc)).unwrap().is_some());
            let length = |text: &TextRef, doc: &Doc| text.get_string(&doc.transact()).len();
            prop_assert_eq!(length(&copy_text, &copy), length(&text, &doc));
        }

        #[test]
        fn a_damaged_vector_does_no_harm(
            clients in proptest::collection::vec((0..1u64 << 53, any::<u32>()), 0..5),
            damages in damages(),
        ) {
            let vector = StateVector::from_iter(
                clients.into_iter().map(|(id, clock)| (yrs::block::ClientID::new(id), clock)),
            );
            let (doc, text) = new_doc();
            text.insert(&mut doc.transact_mut(), 0, "text");
            if let Ok(vector) = decode_vector(&damaged(vector.encode_v1(), &damages)) {
                let missing = doc.transact().encode_state_as_update_v1(&vector);
                prop_assert!(Update::decode_v1(&missing).is_ok());
            }
        }
    }
}
