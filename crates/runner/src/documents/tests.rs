//! Documents whose runner dies: nothing is lost, and nothing comes twice.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use proptest::prelude::*;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text as _, TextRef, Transact, Update};

use super::log::MAX_LOG_BYTES;
use super::{Document, Documents, Event, Listener, OpenError, new_doc};
use crate::watch::Watcher;

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// What outlives a runner.
struct Place {
    top: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Place {
    fn new(file: &str) -> Self {
        let place = Self {
            top: tempfile::tempdir().unwrap(),
            home: tempfile::tempdir().unwrap(),
        };
        place.write(file);
        place
    }

    fn file(&self) -> PathBuf {
        self.top.path().join("f")
    }

    fn write(&self, content: &str) {
        fs::write(self.file(), content).unwrap();
    }

    fn content(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn logs(&self) -> Vec<PathBuf> {
        let folder = self.home.path().join(".local/state/alcove/documents");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn log(&self) -> PathBuf {
        let mut logs = self.logs();
        assert_eq!(logs.len(), 1, "{logs:?}");
        logs.remove(0)
    }

    /// A runner's life: it dies when `life` ends, whatever it was about to do.
    async fn life<T>(&self, life: impl AsyncFnOnce(Runner) -> T) -> T {
        let local = LocalSet::new();
        let (lived, done) = local
            .run_until(async {
                let top = self.top.path().to_owned();
                let watcher = Watcher::start(top.clone()).unwrap();
                let documents = Documents::new(top, self.home.path(), watcher).unwrap();
                let documents = Rc::new(documents);
                let heard = Rc::new(Heard::default());
                let listener: Rc<dyn Listener> = heard.clone();
                documents.set_listener(Rc::downgrade(&listener));
                documents.take_up(false).await.unwrap();
                let runner = Runner {
                    documents: documents.clone(),
                    heard,
                };
                (life(runner).await, documents.logs.done())
            })
            .await;
        drop(local);
        // A thread, unlike a process, does what it was asked for.
        done.await;
        lived
    }
}

#[derive(Default)]
struct Heard {
    events: RefCell<Vec<Event>>,
    more: Notify,
}

impl Listener for Heard {
    fn document_event(&self, _: u64, event: &Event) {
        self.events.borrow_mut().push(event.clone());
        self.more.notify_one();
    }
}

struct Runner {
    documents: Rc<Documents>,
    heard: Rc<Heard>,
}

impl Runner {
    async fn open(&self, client: u64) -> Rc<Document> {
        self.documents.open(&path(), client).await.unwrap()
    }

    /// Waits until so many edits have been told to the others.
    async fn told(&self, edits: usize) {
        let is_edit = |event: &&Event| matches!(event, Event::Update { .. });
        let wait = async {
            while self.heard.events.borrow().iter().filter(is_edit).count() < edits {
                self.heard.more.notified().await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap();
    }
}

/// A page, which outlives runners as well.
struct Page {
    client: u64,
    epoch: String,
    doc: Doc,
    text: TextRef,
}

impl Page {
    async fn open(runner: &Runner, client: u64) -> (Self, Rc<Document>) {
        let document = runner.open(client).await;
        let (doc, text) = new_doc();
        let page = Self {
            client,
            epoch: document.epoch.clone(),
            doc,
            text,
        };
        page.exchange(runner, &document).await;
        (page, document)
    }

    /// As after a lost connection: the same epoch, and both bring what the other lacks.
    async fn again(&self, runner: &Runner) -> Rc<Document> {
        let document = runner.open(self.client).await;
        assert_eq!(document.epoch, self.epoch);
        self.exchange(runner, &document).await;
        document
    }

    async fn exchange(&self, runner: &Runner, document: &Rc<Document>) {
        runner.documents.at_rest(document).await;
        let vector = StateVector::decode_v1(&document.state_vector()).unwrap();
        let mine = self.doc.transact().encode_state_as_update_v1(&vector);
        let vector = self.doc.transact().state_vector();
        self.apply(&document.missing(&vector));
        let documents = &runner.documents;
        documents.update(document, &mine, self.client).unwrap();
    }

    fn apply(&self, update: &[u8]) {
        let update = Update::decode_v1(update).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
    }

    /// Types without telling anybody; the update.
    fn types(&self, at: u32, text: &str) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        self.text.insert(&mut txn, at, text);
        txn.encode_update_v1()
    }

    fn content(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
}

fn path() -> WorkspacePath {
    "f".parse().unwrap()
}

/// A life in which a page types behind the text, and another one sees it; its file stays as it was.
async fn typed(place: &Place, typed: &str) -> [Page; 2] {
    place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let (b, _) = Page::open(&runner, 2).await;
            let _unwritten = document.disk.lock().await;
            let update = a.types(a.content().len() as u32, typed);
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            b.apply(&update);
            [a, b]
        })
        .await
}

#[tokio::test]
async fn an_edit_that_was_told_outlives_its_runner_and_comes_to_the_file() {
    let place = Place::new("one");
    let [a, _] = typed(&place, " two").await;
    assert_eq!(place.content(), "one");
    place
        .life(async |runner| {
            // Without any page.
            assert_eq!(runner.documents.flush().await, 0);
            assert_eq!(place.content(), "one two");
            let document = a.again(&runner).await;
            assert_eq!(
                (document.string(), a.content()),
                ("one two".into(), "one two".into())
            );
        })
        .await;
}

#[tokio::test]
async fn what_two_pages_hold_comes_once_however_they_come_back() {
    let place = Place::new("one");
    let [a, b] = typed(&place, " two").await;
    // This came to no runner.
    b.types(7, " three");
    place
        .life(async |runner| {
            let (document, _) = tokio::join!(a.again(&runner), b.again(&runner));
            a.exchange(&runner, &document).await;
            assert_eq!(a.content(), "one two three");
            assert_eq!(b.content(), "one two three");
            runner.documents.flush().await;
        })
        .await;
    assert_eq!(place.content(), "one two three");
    // And once more, with nothing to bring.
    place
        .life(async |runner| {
            let document = b.again(&runner).await;
            assert_eq!(document.string(), "one two three");
            assert!(!document.is_dirty());
        })
        .await;
}

#[tokio::test]
async fn what_was_deleted_stays_so() {
    let place = Place::new("one two");
    let [a, _] = typed(&place, " three").await;
    place
        .life(async |runner| {
            let document = a.again(&runner).await;
            let _unwritten = document.disk.lock().await;
            let update = {
                let mut txn = a.doc.transact_mut();
                a.text.remove_range(&mut txn, 3, 4);
                txn.encode_update_v1()
            };
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
        })
        .await;
    place
        .life(async |runner| {
            let document = a.again(&runner).await;
            assert_eq!(document.string(), "one three");
        })
        .await;
}

#[tokio::test]
async fn a_text_that_was_written_when_the_runner_died_is_not_taken_for_a_programs() {
    let place = Place::new("one");
    let a = place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let _unwritten = document.disk.lock().await;
            let update = a.types(3, " two");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.documents.log_writing(&document, "one two");
            runner.documents.settled(&document).await;
            place.write("one two");
            // All of what lies in the file was typed on.
            let update = a.types(0, "zero ");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(2).await;
            a
        })
        .await;
    place
        .life(async |runner| {
            let document = a.again(&runner).await;
            assert_eq!(document.string(), "zero one two");
            runner.documents.flush().await;
            assert_eq!(place.content(), "zero one two");
        })
        .await;
}

#[tokio::test]
async fn what_a_program_wrote_meanwhile_is_merged_once() {
    let place = Place::new("one\ntwo\n");
    let [a, b] = typed(&place, "three\n").await;
    place.write("ONE\ntwo\n");
    for _ in 0..2 {
        place
            .life(async |runner| {
                let document = a.again(&runner).await;
                b.again(&runner).await;
                assert_eq!(document.string(), "ONE\ntwo\nthree\n");
                assert_eq!(b.content(), "ONE\ntwo\nthree\n");
                assert!(document.take_clashes().is_empty());
            })
            .await;
    }
}

#[tokio::test]
async fn where_a_program_changed_the_same_words_both_are_there_and_a_page_is_told() {
    let place = Place::new("one\n");
    let a = place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let _unwritten = document.disk.lock().await;
            let update = {
                let mut txn = a.doc.transact_mut();
                a.text.remove_range(&mut txn, 0, 3);
                a.text.insert(&mut txn, 0, "mine");
                txn.encode_update_v1()
            };
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            a
        })
        .await;
    place.write("theirs\n");
    place
        .life(async |runner| {
            let document = a.again(&runner).await;
            assert!(a.content().contains("mine") && a.content().contains("theirs"));
            assert_eq!(document.take_clashes().len(), 1);
        })
        .await;
}

#[tokio::test]
async fn a_file_that_is_gone_leaves_no_log() {
    let place = Place::new("one");
    typed(&place, " two").await;
    fs::remove_file(place.file()).unwrap();
    place
        .life(async |runner| {
            let opened = runner.documents.open(&path(), 1).await;
            assert!(matches!(opened, Err(OpenError::Io(_))));
        })
        .await;
    assert_eq!(place.logs(), [""; 0].map(PathBuf::from));
}

#[tokio::test]
async fn a_log_that_is_none_costs_its_epoch_and_nothing_else() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "precious").unwrap();
    type Forge<'a> = &'a dyn Fn(&Path);
    let forgeries: [Forge; 5] = [
        &|log| fs::write(log, "nonsense").unwrap(),
        &|log| fs::write(log, "").unwrap(),
        &|log| {
            fs::remove_file(log).unwrap();
            std::os::unix::fs::symlink(outside.path(), log).unwrap();
        },
        // Nobody ever writes to it.
        &|log| {
            fs::remove_file(log).unwrap();
            rustix::fs::mkfifoat(rustix::fs::CWD, log, 0o600.into()).unwrap();
        },
        &|log| {
            fs::remove_file(log).unwrap();
            fs::create_dir(log).unwrap();
        },
    ];
    for forge in forgeries {
        let place = Place::new("one");
        let [a, _] = typed(&place, " two").await;
        forge(&place.log());
        place
            .life(async |runner| {
                let (page, document) = Page::open(&runner, 1).await;
                assert_ne!(page.epoch, a.epoch);
                assert_eq!(page.content(), "one");
                let update = page.types(3, " three");
                runner.documents.update(&document, &update, 1).unwrap();
                assert_eq!(runner.documents.flush().await, 0);
                assert_eq!(place.content(), "one three");
            })
            .await;
    }
    assert_eq!(fs::read_to_string(outside.path()).unwrap(), "precious");
}

#[tokio::test]
async fn without_room_for_logs_documents_work_all_the_same() {
    let place = Place::new("one");
    fs::write(place.home.path().join(".local"), "no folder").unwrap();
    place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let update = a.types(3, " two");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            assert_eq!(runner.documents.flush().await, 0);
        })
        .await;
    assert_eq!(place.content(), "one two");
}

#[tokio::test]
async fn who_only_looks_makes_no_log_and_who_ends_in_order_leaves_none() {
    let place = Place::new("one");
    place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let (b, _) = Page::open(&runner, 2).await;
            assert!(place.logs().is_empty());
            // Nor is what a program does an edit.
            place.write("none");
            runner.documents.refresh(&WorkspacePath::root()).await;
            runner.told(1).await;
            runner.documents.settled(&document).await;
            assert!(place.logs().is_empty());
            a.exchange(&runner, &document).await;
            let update = a.types(0, "two ");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(2).await;
            place.log();
            runner.documents.close(&document, a.client).await;
            place.log();
            runner.documents.close(&document, b.client).await;
            runner.documents.logs.done().await;
            assert!(place.logs().is_empty());

            let (a, document) = Page::open(&runner, 1).await;
            let update = a.types(0, "three ");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(3).await;
            place.log();
            runner.documents.keep_unwritten().await;
            assert!(place.logs().is_empty());
            // Who types on is not forgotten.
            let update = a.types(0, "four ");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(4).await;
            place.log();
        })
        .await;
    place
        .life(async |runner| {
            assert_eq!(runner.open(1).await.string(), "four three two none");
        })
        .await;
}

#[tokio::test]
async fn a_log_moves_with_its_file() {
    let place = Place::new("one");
    let other = "folder/g".parse().unwrap();
    let a = place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let _unwritten = document.disk.lock().await;
            let update = a.types(3, " two");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            let before = place.log();
            fs::create_dir(place.top.path().join("folder")).unwrap();
            fs::rename(place.file(), place.top.path().join("folder/g")).unwrap();
            runner.documents.moved(&path(), &other);
            let update = a.types(7, " three");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(2).await;
            runner.documents.logs.done().await;
            assert_ne!(place.log(), before);
            a
        })
        .await;
    place
        .life(async |runner| {
            let document = runner.documents.open(&other, 1).await.unwrap();
            assert_eq!(document.epoch, a.epoch);
            assert_eq!(document.string(), "one two three");
        })
        .await;
}

#[tokio::test]
async fn a_log_that_has_grown_is_written_anew() {
    let place = Place::new("one");
    let a = place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let mut longest = 0;
            for _ in 0..40 {
                // Each pair leaves the text as it was.
                for _ in 0..20 {
                    let update = a.types(3, &"x".repeat(200));
                    runner.documents.update(&document, &update, 1).unwrap();
                    let update = {
                        let mut txn = a.doc.transact_mut();
                        a.text.remove_range(&mut txn, 3, 200);
                        txn.encode_update_v1()
                    };
                    runner.documents.update(&document, &update, 1).unwrap();
                }
                runner.documents.write(&document).await;
                runner.documents.settled(&document).await;
                longest = longest.max(fs::metadata(place.log()).unwrap().len());
            }
            // What is typed between two writes comes on top.
            assert!((48 * 1024..80 * 1024).contains(&longest), "{longest}");
            a
        })
        .await;
    place
        .life(async |runner| {
            assert_eq!(a.again(&runner).await.string(), "one");
        })
        .await;
}

#[tokio::test]
async fn a_log_ends_at_its_limit() {
    let place = Place::new("one");
    place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let _unwritten = document.disk.lock().await;
            let update = a.types(3, " two");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            place.log();
            let update = a.types(3, "!");
            let before = document.log.size();
            runner.documents.update(&document, &update, 1).unwrap();
            let frame = document.log.size() - before;
            document.log.pretend_size(MAX_LOG_BYTES - frame);
            let update = a.types(3, "!");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(3).await;
            assert_eq!(document.log.size(), MAX_LOG_BYTES);
            place.log();
            let update = a.types(3, "!");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(4).await;
            runner.documents.logs.done().await;
            assert!(place.logs().is_empty());
        })
        .await;
}

/// What happens to two pages, their runner, and a program.
#[derive(Debug, Clone)]
enum Step {
    /// A page types a word; it waits for the log to have it, or not.
    Types(usize, bool),
    /// A page types a word that does not come to the runner.
    TypesAlone(usize),
    /// A page's connection ends, and comes again.
    Reconnects(usize),
    Write,
    /// A program adds a word; the runner sees it, or not.
    Program(bool),
    /// The runner dies. What of the log came to the disk, of what nobody has been told.
    Dies(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0usize..2, any::<bool>()).prop_map(|(page, waits)| Step::Types(page, waits)),
        1 => (0usize..2).prop_map(Step::TypesAlone),
        1 => (0usize..2).prop_map(Step::Reconnects),
        2 => Just(Step::Write),
        1 => any::<bool>().prop_map(Step::Program),
        2 => any::<prop::sample::Index>().prop_map(Step::Dies),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A frame that says that a write has been done.
const WRITTEN_BYTES: u64 = 13;

/// Many lives of a document, which ends as it is returned, with the words that were put into it.
async fn lives(steps: Vec<Step>) -> (String, String, Vec<String>) {
    let place = Place::new(": \n-\n-\nend:\n");
    let mut words = vec!["first".to_owned()];
    let pages = place
        .life(async |runner| {
            let (a, document) = Page::open(&runner, 1).await;
            let (b, _) = Page::open(&runner, 2).await;
            let _unwritten = document.disk.lock().await;
            let update = a.types(0, "first ");
            runner.documents.update(&document, &update, 1).unwrap();
            runner.told(1).await;
            b.apply(&update);
            [a, b]
        })
        .await;
    let size = || fs::metadata(place.log()).unwrap().len();
    let mut steps = steps.into_iter().peekable();
    while steps.peek().is_some() {
        let mut told = 0;
        let mut cut = None;
        place
            .life(async |runner| {
                let documents = &runner.documents;
                let document = pages[0].again(&runner).await;
                pages[1].again(&runner).await;
                documents.settled(&document).await;
                told = size();
                let mut unwritten = Some(document.disk.lock().await);
                for step in steps.by_ref() {
                    let mut word = || {
                        words.push(format!("w{}", words.len()));
                        format!("{} ", words[words.len() - 1])
                    };
                    match step {
                        Step::Types(n, waits) => {
                            let page = &pages[n];
                            // In the first line: one at its begin, one at its end.
                            let at = [0, page.content().find('\n').unwrap()][n];
                            let update = page.types(at as u32, &word());
                            documents.update(&document, &update, page.client).unwrap();
                            if waits {
                                documents.settled(&document).await;
                                told = size();
                            }
                        }
                        Step::TypesAlone(n) => drop(pages[n].types(0, &word())),
                        Step::Reconnects(n) => {
                            pages[n].again(&runner).await;
                            // It has what the log had by then.
                            told = size();
                        }
                        Step::Write => {
                            drop(unwritten.take());
                            documents.write(&document).await;
                            unwritten = Some(document.disk.lock().await);
                            assert!(!document.is_dirty());
                            documents.settled(&document).await;
                            told = told.max(size() - WRITTEN_BYTES);
                        }
                        Step::Program(is_seen) => {
                            documents.settled(&document).await;
                            told = size();
                            let content = place.content();
                            let content = content.strip_suffix('\n').unwrap();
                            place.write(&format!("{content} {}\n", word().trim()));
                            if is_seen {
                                drop(unwritten.take());
                                documents.refresh(&WorkspacePath::root()).await;
                                unwritten = Some(document.disk.lock().await);
                            }
                        }
                        Step::Dies(at) => {
                            cut = Some(at);
                            break;
                        }
                    }
                    for event in runner.heard.events.borrow_mut().drain(..) {
                        if let Event::Update { update, from } = event {
                            let others = pages.iter().filter(|page| Some(page.client) != from);
                            others.for_each(|page| page.apply(&update));
                        }
                    }
                }
            })
            .await;
        if let Some(at) = cut {
            let lost = at.index((size() - told) as usize + 1) as u64;
            let log = fs::File::options().write(true).open(place.log()).unwrap();
            log.set_len(size() - lost).unwrap();
        }
    }
    let text = place
        .life(async |runner| {
            let (document, _) = tokio::join!(pages[0].again(&runner), pages[1].again(&runner));
            runner.documents.refresh(&WorkspacePath::root()).await;
            assert_eq!(runner.documents.flush().await, 0);
            for page in &pages {
                page.exchange(&runner, &document).await;
                assert_eq!(page.content(), document.string());
            }
            document.string()
        })
        .await;
    (text, place.content(), words)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 300, ..ProptestConfig::default() })]
    #[test]
    fn every_word_is_there_once_whatever_dies_when(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (text, file, mut words) = runtime.unwrap().block_on(lives(steps));
        prop_assert_eq!(&text, &file);
        let mut there: Vec<&str> = text
            .split([' ', '\n'])
            .filter(|word| !["", ":", "-", "end:"].contains(word))
            .collect();
        there.sort_unstable();
        words.sort_unstable();
        prop_assert_eq!(there, words);
    }
}
