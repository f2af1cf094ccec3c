//! Yjs updates and state vectors, as pages send them and logs hold them, are read here before yrs sees them.
//!
//! Whoever may edit, or write to the home folder, can make them say anything, and yrs trusts them: it recurses
//! as deep as they say, makes room for as much as they say, panics or uses what it has freed where they
//! contradict themselves, and keeps for later what follows on edits that are not there. So nothing passes but
//! what a page's document consists of (strings, what is left of deleted ones, and its marks of deletions), each
//! client once, without gaps.
//!
//! The format is Yjs's first (`UpdateEncoderV1` in yjs/src/utils): numbers are LEB128.

use std::collections::HashMap;

use alcove_protocol::binary::take_varint;
use anyhow::{Context, ensure};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{Doc, ReadTxn, StateVector, Transact, Update, WriteTxn};

use super::TEXT;

/// The most that one client may ever have inserted into a document, in UTF-16 units. yrs counts them in 32
/// bits.
const MAX_CLOCK: u64 = 1 << 30;
/// The map in which pages mark how far they are, so that a deletion, too, is known to be on disk
/// (`web/src/session/replica.ts`).
const MARKS: &str = "deletions";
/// Client ids are numbers that JavaScript can hold.
const MAX_CLIENT: u64 = (1 << 53) - 1;

pub fn decode_vector(bytes: &[u8]) -> anyhow::Result<StateVector> {
    read_vector(bytes).context("it makes no sense")?;
    Ok(StateVector::decode_v1(bytes)?)
}

/// Applies an update to a document; whether it changed anything. What follows on edits that are not there is
/// left out as a whole: its page sends all of it again when it connects anew. An error means that it makes no
/// sense; then, too, the document is as it was.
pub fn apply(doc: &Doc, bytes: &[u8]) -> anyhow::Result<bool> {
    let outline = Outline::read(bytes).context("it makes no sense")?;
    ensure!(
        outline.edits.values().all(|edits| edits.end <= MAX_CLOCK),
        "it has more edits than a document can have"
    );
    if !outline.follows(&doc.transact().state_vector()) {
        return Ok(false);
    }
    let update = Update::decode_v1(bytes)?;
    let mut txn = doc.transact_mut();
    txn.apply_update(update)?;
    // Edits that follow on each other in a circle.
    txn.prune_pending();
    Ok(!txn.insert_set().is_empty() || !txn.delete_set().is_empty())
}

/// Clocks of one client's edits: one for each UTF-16 unit.
type Edits = std::ops::Range<u64>;

/// What an update says that it has, and needs.
struct Outline {
    edits: HashMap<u64, Edits>,
    /// Ids (client, clock) of other clients' units, and of all that are deleted.
    needs: Vec<(u64, u64)>,
}

impl Outline {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (mut edits, mut needs) = (HashMap::new(), Vec::new());
        for _ in 0..reader.number()? {
            let (blocks, client, begin) = (reader.number()?, reader.client()?, reader.number()?);
            let mut end = begin;
            for _ in 0..blocks {
                end = end.checked_add(reader.block(client, end, &mut needs)?)?;
            }
            let is_first = edits.insert(client, begin..end).is_none();
            (is_first && blocks > 0).then_some(())?;
        }
        let mut deleted = std::collections::HashSet::new();
        for _ in 0..reader.number()? {
            let client = reader.client()?;
            deleted.insert(client).then_some(())?;
            for _ in 0..reader.number()? {
                let (begin, length) = (reader.number()?, reader.length()?);
                needs.push((client, begin.checked_add(length)? - 1));
            }
        }
        reader.0.is_empty().then_some(Self { edits, needs })
    }

    /// Whether nothing is missing between what a document has and this.
    fn follows(&self, known: &StateVector) -> bool {
        let known = |client: u64| u64::from(known.get(&ClientID::new(client)));
        let mut begins = self.edits.iter();
        begins.all(|(client, edits)| edits.start <= known(*client))
            && self.needs.iter().all(|(client, clock)| {
                let here = self.edits.get(client).map_or(0, |edits| edits.end);
                *clock < here.max(known(*client))
            })
    }
}

fn read_vector(bytes: &[u8]) -> Option<()> {
    let mut reader = Reader(bytes);
    for _ in 0..reader.number()? {
        let (_, clock) = (reader.client()?, reader.number()?);
        u32::try_from(clock).ok()?;
    }
    reader.0.is_empty().then_some(())
}

/// What is yet to be read. Everything that is asked of it is nothing where that is not what comes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = take_varint(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn client(&mut self) -> Option<u64> {
        self.number().filter(|client| *client <= MAX_CLIENT)
    }

    fn length(&mut self) -> Option<u64> {
        self.number().filter(|length| *length > 0)
    }

    fn string(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(string).ok()
    }

    /// A block that begins at a client's `clock`; its length in UTF-16 units.
    fn block(&mut self, client: u64, clock: u64, needs: &mut Vec<(u64, u64)>) -> Option<u64> {
        /// What has been collected.
        const COLLECTED: u8 = 0;
        const DELETED: u8 = 1;
        const STRING: u8 = 4;
        const ANY: u8 = 8;
        /// What it was inserted behind, and before, is named.
        const HAS_LEFT: u8 = 0x80;
        const HAS_RIGHT: u8 = 0x40;
        /// It is in a map.
        const HAS_KEY: u8 = 0x20;
        let info = self.byte()?;
        if info == COLLECTED {
            return self.length();
        }
        for _ in 0..(info & (HAS_LEFT | HAS_RIGHT)).count_ones() {
            let (of, at) = (self.client()?, self.number()?);
            // Nobody inserts beside what they insert later.
            match of == client {
                true => (at < clock).then_some(())?,
                false => needs.push((of, at)),
            }
        }
        let is_mark = info & HAS_KEY != 0;
        if info & (HAS_LEFT | HAS_RIGHT) == 0 {
            let is_root = self.number()? == 1;
            let name = if is_mark { MARKS } else { TEXT };
            (is_root && self.string()? == name).then_some(())?;
            if is_mark {
                self.string()?;
            }
        }
        match (info & !(HAS_LEFT | HAS_RIGHT | HAS_KEY), is_mark) {
            (DELETED, _) => self.length(),
            (STRING, false) => {
                let units = self.string()?.encode_utf16().count() as u64;
                (units > 0).then_some(units)
            }
            // Where Yjs joins updates, it leaves the key out behind another mark.
            (ANY, is_mark) if is_mark || info & HAS_LEFT != 0 => {
                let count = self.length()?;
                (0..count).try_for_each(|_| self.integer())?;
                Some(count)
            }
            _ => None,
        }
    }

    /// One of lib0's `Any`: its tag, and a number of which the first byte holds six bits, and a sign.
    fn integer(&mut self) -> Option<()> {
        const INTEGER: u8 = 125;
        (self.byte()? == INTEGER).then_some(())?;
        self.number().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use yrs::encoding::write::Write;
    use yrs::updates::encoder::Encode;
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

    fn content(doc: &Doc, text: &TextRef) -> String {
        text.get_string(&doc.transact())
    }

    /// One that is as good as its document.
    fn copied(doc: &Doc) -> (Doc, TextRef) {
        let (copy, text) = new_doc();
        apply(&copy, &whole(doc)).unwrap();
        (copy, text)
    }

    #[test]
    fn what_follows_on_edits_that_are_not_there_is_left_out() {
        let (theirs, their_text) = new_doc();
        let first = typed(&theirs, &their_text, 0, 0, "one");
        let second = typed(&theirs, &their_text, 3, 0, " two");
        let third = typed(&theirs, &their_text, 0, 3, "");
        let (doc, text) = new_doc();
        for update in [&second, &third] {
            assert!(!apply(&doc, update).unwrap());
        }
        assert!(!doc.transact().has_missing_updates());
        assert!(apply(&doc, &first).unwrap());
        assert!(!apply(&doc, &first).unwrap(), "it is known");
        assert_eq!(content(&doc, &text), "one");
        // As a page does that connects anew.
        assert!(apply(&doc, &whole(&theirs)).unwrap());
        assert_eq!(content(&doc, &text), " two");
    }

    /// Of client 1, beginning at `clock`: `text` into the document's root.
    fn update_at(clock: u32, text: &str) -> Vec<u8> {
        let mut bytes = vec![1, 1, 1];
        bytes.write_var(clock);
        bytes.extend(b"\x04\x01\x04text");
        bytes.write_string(text);
        bytes.push(0);
        bytes
    }

    /// As Yjs writes it: two sets of one key of a map, apart and joined.
    #[test]
    fn marks_of_deletions_pass() {
        let (doc, text) = new_doc();
        apply(&doc, &update_at(0, "text")).unwrap();
        let first = b"\x01\x01\x02\x00\x28\x01\x09deletions\x012\x01\x7d\x00\x00";
        let second = b"\x01\x01\x02\x01\xa8\x02\x00\x01\x7d\x01\x01\x02\x01\x00\x01";
        let third = b"\x01\x01\x02\x02\x88\x02\x01\x01\x7d\x01\x01\x02\x01\x01\x01";
        let joined =
            b"\x01\x01\x02\x00\x28\x01\x09deletions\x012\x04\x7d\x00\x7d\x01\x7d\x01\x7d\x80\x01\x00";
        for update in [&first[..], second, third, joined] {
            assert!(apply(&doc, update).unwrap(), "{update:?}");
        }
        assert_eq!(content(&doc, &text), "text");
        let (copy, copy_text) = copied(&doc);
        assert_eq!(content(&copy, &copy_text), "text");
        assert_eq!(
            copy.transact().state_vector(),
            doc.transact().state_vector()
        );
        // Neither in a text, nor a text in there.
        let in_text = b"\x01\x01\x03\x00\x08\x01\x04text\x01\x7d\x00\x00";
        let a_text = b"\x01\x01\x03\x00\x24\x01\x09deletions\x012\x01a\x00";
        assert!(apply(&doc, in_text).is_err());
        assert!(apply(&doc, a_text).is_err());
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let (doc, text) = new_doc();
        let said = |update: &[u8]| {
            let result = apply(&doc, update);
            result.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let most = u32::try_from(MAX_CLOCK).unwrap();
        assert_eq!(said(&update_at(most - 2, "ab")), "");
        let more = "it has more edits than a document can have";
        assert_eq!(said(&update_at(most - 1, "ab")), more);
        assert_eq!(said(&update_at(u32::MAX, "ab")), more);
        assert_eq!(content(&doc, &text), "", "it does not follow");
        // As many clients as are said to be there, and one more.
        assert!(decode_vector(&[2, 1, 0, 2, 0]).is_ok());
        let many = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0];
        for bytes in [&many[..], &[3, 1, 0, 2, 0], &[1, 1], &[]] {
            assert!(decode_vector(bytes).is_err(), "{bytes:?}");
            assert_eq!(said(bytes), "it makes no sense");
        }
        let client = |last| [&[1][..], &[0xff; 7], &[last, 0]].concat();
        assert!(decode_vector(&client(0x0f)).is_ok());
        assert!(decode_vector(&client(0x10)).is_err());
    }

    /// Each would make yrs panic, recurse without end, use what it freed, or keep what it can't write.
    #[test]
    fn what_no_text_consists_of_is_refused() {
        let nested = [
            b"\x01\x01\x01\x00\x08\x01\x04text\x01".to_vec(),
            b"\x75\x01".repeat(26_000),
            vec![0],
        ];
        let updates: [(&str, &[u8]); 8] = [
            (
                "a client twice",
                b"\x02\x01\x01\x05\x04\x01\x04text\x01a\x01\x01\x05\x04\x01\x04text\x01b\x00",
            ),
            ("what nests", &nested.concat()),
            ("JSON", b"\x01\x01\x01\x00\x02\x01\x04text\x00\x01a\x00"),
            (
                "a gap",
                b"\x01\x02\x01\x00\x0a\x05\x04\x01\x04text\x01a\x00",
            ),
            ("another root", b"\x01\x01\x01\x00\x04\x01\x01a\x01a\x00"),
            (
                "a parent that is an edit",
                b"\x01\x02\x01\x00\x04\x01\x04text\x02ab\x04\x00\x01\x00\x01c\x00",
            ),
            ("beside itself", b"\x01\x01\x01\x00\x84\x01\x00\x01a\x00"),
            ("nothing that is something", b"\x01\x01\x01\x00\x00\x00\x00"),
        ];
        let (doc, text) = new_doc();
        for (what, update) in updates {
            let result = apply(&doc, update);
            assert_eq!(
                result.unwrap_err().to_string(),
                "it makes no sense",
                "{what}"
            );
        }
        // Well made, but on what is not there.
        for update in [&update_at(5, "a")[..], b"\x00\x01\x63\x01\x00\x01"] {
            assert!(!apply(&doc, update).unwrap());
        }
        let mut circle = vec![2];
        for (client, other) in [(1, 2), (2, 1)] {
            circle.extend([1, client, 0, 0x84, other, 0, 1, b'a']);
        }
        circle.push(0);
        assert!(!apply(&doc, &circle).unwrap());
        assert_eq!(content(&doc, &text), "");
        assert!(!doc.transact().has_missing_updates());
    }

    #[derive(Debug, Clone)]
    enum Damage {
        Set(Index, u8),
        Insert(Index, Vec<u8>),
        Remove(Index),
    }

    fn damages() -> impl Strategy<Value = Vec<Damage>> {
        let at = any::<Index>;
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

    /// A block, and beside which ids it was inserted.
    #[derive(Debug, Clone)]
    struct Block {
        kind: u8,
        beside: Vec<(u8, u32)>,
        text: String,
    }

    /// Well made, and whatever it says: sections of two clients (where they begin, blocks), and ranges that
    /// are deleted.
    type Made = (Vec<(u32, Vec<Block>)>, Vec<(u32, u32)>);

    fn made() -> impl Strategy<Value = Made> {
        let id = (1u8..=2, 0u32..12);
        let block = (
            prop_oneof![Just(0u8), Just(1), Just(4), Just(4)],
            proptest::collection::vec(id, 0..3),
            "[a-cü]{1,3}",
        );
        let block = block.prop_map(|(kind, beside, text)| Block { kind, beside, text });
        let section = (0u32..12, proptest::collection::vec(block, 1..4));
        let deleted = (0u32..12, 1u32..4);
        (
            proptest::collection::vec(section, 0..3),
            proptest::collection::vec(deleted, 0..3),
        )
    }

    fn encoded((sections, deleted): &Made) -> Vec<u8> {
        let mut bytes = vec![sections.len() as u8];
        for (client, (begin, blocks)) in sections.iter().enumerate() {
            bytes.extend([blocks.len() as u8, client as u8 + 1]);
            bytes.write_var(*begin);
            for block in blocks {
                let (left, right) = (block.beside.first(), block.beside.get(1));
                let ids = u8::from(left.is_some()) << 7 | u8::from(right.is_some()) << 6;
                bytes.push(block.kind | if block.kind == 0 { 0 } else { ids });
                if block.kind != 0 {
                    for (client, clock) in [left, right].into_iter().flatten() {
                        bytes.push(*client);
                        bytes.write_var(*clock);
                    }
                    if ids == 0 {
                        bytes.extend(b"\x01\x04text");
                    }
                }
                match block.kind {
                    4 => bytes.write_string(&block.text),
                    _ => bytes.write_var(block.text.encode_utf16().count() as u32),
                }
            }
        }
        bytes.push(u8::from(!deleted.is_empty()));
        if !deleted.is_empty() {
            bytes.extend([1, deleted.len() as u8]);
            for (begin, length) in deleted {
                bytes.write_var(*begin);
                bytes.write_var(*length);
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
            which in any::<Index>(),
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
                prop_assert!(apply(&doc, update).unwrap());
            }
            let before = content(&doc, &text);
            let damaged = damaged(updates[which].clone(), &damages);
            if !apply(&doc, &damaged).unwrap_or(false) {
                prop_assert_eq!(content(&doc, &text), before);
            }
            for update in &updates[which..] {
                prop_assert!(apply(&doc, update).is_ok());
            }
            text.insert(&mut doc.transact_mut(), 0, "on");
            let (copy, copy_text) = copied(&doc);
            // In one order only where nobody said two things of one edit.
            prop_assert_eq!(content(&copy, &copy_text).len(), content(&doc, &text).len());
        }

        #[test]
        fn updates_that_contradict_each_other_do_no_harm(
            all in proptest::collection::vec(made(), 1..12),
        ) {
            let (doc, text) = new_doc();
            for made in &all {
                let before = content(&doc, &text);
                if !apply(&doc, &encoded(made)).unwrap_or(false) {
                    prop_assert_eq!(content(&doc, &text), before);
                }
                text.insert(&mut doc.transact_mut(), 0, "on");
                // Where one edit is said to be two things, documents differ; but they go on.
                let (copy, copy_text) = copied(&doc);
                prop_assert!(content(&copy, &copy_text).len() >= 2);
            }
            let bytes = content(&doc, &text).len() as u32;
            text.remove_range(&mut doc.transact_mut(), 0, bytes);
            prop_assert_eq!(content(&doc, &text), "");
        }

        #[test]
        fn a_damaged_vector_does_no_harm(
            clients in proptest::collection::vec((0..=MAX_CLIENT, any::<u32>()), 0..5),
            own in 0u32..12,
            damages in damages(),
        ) {
            let (doc, text) = new_doc();
            text.insert(&mut doc.transact_mut(), 0, "tü😀xt");
            let clients = clients.into_iter().map(|(id, clock)| (ClientID::new(id), clock));
            let vector = StateVector::from_iter(clients.chain([(doc.client_id(), own)]));
            let lacks = |vector: &StateVector| doc.transact().encode_state_as_update_v1(vector);
            prop_assert!(Update::decode_v1(&lacks(&vector)).is_ok());
            if let Ok(vector) = decode_vector(&damaged(vector.encode_v1(), &damages)) {
                prop_assert!(Update::decode_v1(&lacks(&vector)).is_ok());
            }
        }
    }
}
