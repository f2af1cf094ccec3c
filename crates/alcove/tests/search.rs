//! Finding files and text over a real socket, replacing, undoing, and what is refused.

mod common;

use alcove_protocol::WorkspacePath;
use alcove_protocol::search::{
    FoundFile, MAX_FIND_BYTES, MAX_FOUND_FILES, MAX_PATTERN_BYTES, MAX_REPLACE_FILES, ReplaceFile,
    ReplaceOutcome, ReplacedFile, SearchBound, SearchQuery,
};
use alcove_protocol::session::{ClientFrame, ClientMessage, ErrorCode, RunnerMessage};
use alcove_testkit::document::Document;
use alcove_testkit::{DEADLINE, Session};
use common::server;

fn path(text: &str) -> WorkspacePath {
    text.parse().unwrap()
}

fn query(pattern: &str) -> SearchQuery {
    SearchQuery {
        pattern: pattern.into(),
        regex: false,
        case: true,
        word: false,
        include: vec![],
        exclude: vec![],
        replacement: None,
    }
}

fn code(answer: &RunnerMessage) -> Option<ErrorCode> {
    match answer {
        RunnerMessage::Error { code, .. } => Some(*code),
        _ => None,
    }
}

async fn find(page: &mut Session, letters: &str) -> Vec<String> {
    let query = letters.to_owned();
    match page.ask(ClientMessage::FilesFind { query }).await.unwrap() {
        RunnerMessage::FilesFound { found, .. } => {
            found.into_iter().map(|f| f.path.to_string()).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// What a search finds, by path, and the answer at its end.
async fn search(
    page: &mut Session,
    number: u32,
    query: SearchQuery,
) -> (Vec<FoundFile>, RunnerMessage) {
    let search = number;
    let done = page
        .ask(ClientMessage::Search { search, query })
        .await
        .unwrap();
    let mut found = Vec::new();
    for message in std::mem::take(&mut page.news) {
        match message {
            RunnerMessage::SearchFound { search, files } if search == number => found.extend(files),
            other => page.news.push(other),
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    (found, done)
}

async fn replace(
    page: &mut Session,
    replace: u32,
    query: SearchQuery,
    files: Vec<ReplaceFile>,
) -> (Vec<ReplacedFile>, bool) {
    let asked = ClientMessage::Replace {
        replace,
        query,
        files,
    };
    match page.ask(asked).await.unwrap() {
        RunnerMessage::Replaced { files, undoable } => (files, undoable),
        other => panic!("{other:?}"),
    }
}

/// All of what was found.
fn all_of(found: &[FoundFile]) -> Vec<ReplaceFile> {
    found
        .iter()
        .map(|file| ReplaceFile {
            path: file.path.clone(),
            stamp: file.stamp.clone(),
            chosen: (0..file.matches.len() as u32).collect(),
        })
        .collect()
}

#[tokio::test]
async fn files_are_found_by_letters_of_their_path() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command(
        "mkdir -p src/parts .git node_modules/x && touch src/parts/Button.tsx src/about.ts .env \
         .git/button node_modules/x/button.js noise.log && echo '*.log' > .gitignore \
         && printf '\\n[files]\\nbulk = [\"node_modules\"]\\n' >> alcove.toml",
    )
    .await
    .unwrap();
    // The project file is read again a moment after it was written.
    alcove_testkit::eventually("bulk is left out", || async {
        let mut page = server.session(&id).await.ok()?;
        // Somebody makes a file here: the list is read anew.
        let made = ClientMessage::FileCreate {
            path: path("made.txt"),
            kind: alcove_protocol::session::EntryKind::File,
        };
        page.ask(made).await.ok()?;
        (find(&mut page, "button").await == ["src/parts/Button.tsx"]).then_some(())
    })
    .await;
    assert_eq!(find(&mut page, "sabout").await, ["src/about.ts"]);
    assert_eq!(find(&mut page, "env").await[0], ".env");
    assert!(find(&mut page, "noise").await.is_empty());
    assert!(find(&mut page, "").await.contains(&"made.txt".to_owned()));
    // What is made or moved here is found at once.
    let moved = ClientMessage::FileMove {
        from: path("src/about.ts"),
        to: path("src/moved.ts"),
    };
    assert_eq!(page.ask(moved).await.unwrap(), RunnerMessage::Done);
    assert_eq!(find(&mut page, "moved").await, ["src/moved.ts"]);
    assert!(find(&mut page, "sabout").await.is_empty());

    page.command("for i in $(seq 100); do touch many-$i; done")
        .await
        .unwrap();
    page.ask(ClientMessage::FileDelete {
        path: path("made.txt"),
    })
    .await
    .unwrap();
    assert_eq!(find(&mut page, "many").await.len(), MAX_FOUND_FILES);
    let ask = |n: usize| ClientMessage::FilesFind {
        query: "m".repeat(n),
    };
    assert_eq!(code(&page.ask(ask(MAX_FIND_BYTES)).await.unwrap()), None);
    let answer = page.ask(ask(MAX_FIND_BYTES + 1)).await.unwrap();
    assert_eq!(code(&answer), Some(ErrorCode::Limit));
}

#[tokio::test]
async fn a_newer_question_takes_the_place_of_an_older_one() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("mkdir d && cd d && for i in $(seq 3000); do echo needle > $i; done")
        .await
        .unwrap();
    let asked: Vec<u32> = (1000..1010).collect();
    for id in &asked {
        let message = ClientMessage::Search {
            search: *id,
            query: query("needle"),
        };
        page.send(&ClientFrame {
            id: Some(*id),
            message,
        })
        .await
        .unwrap();
    }
    let mut answers = std::collections::HashMap::new();
    while answers.len() < asked.len() {
        let frame = tokio::time::timeout(DEADLINE, page.take()).await.unwrap();
        if let Some(frame) = frame.unwrap()
            && let Some(id) = frame.re
        {
            answers.insert(id, frame.message);
        }
    }
    for id in &asked[..9] {
        assert_eq!(code(&answers[id]), Some(ErrorCode::Cancelled), "{id}");
    }
    let last = &answers[&1009];
    assert!(
        matches!(
            last,
            RunnerMessage::SearchDone {
                search: 1009,
                matches: 3000,
                ..
            }
        ),
        "{last:?}"
    );
    // Cancelled by hand: another number cancels nothing.
    let message = ClientMessage::Search {
        search: 2000,
        query: query("needle"),
    };
    let id = Some(2000);
    page.send(&ClientFrame { id, message }).await.unwrap();
    for search in [1999, 2000] {
        let message = ClientMessage::SearchCancel { search };
        page.send(&ClientFrame { id: None, message }).await.unwrap();
    }
    let answer = page.answer(2000).await.unwrap();
    assert_eq!(code(&answer), Some(ErrorCode::Cancelled), "{answer:?}");
}

#[tokio::test]
async fn text_is_found_where_it_stands_and_as_it_is_typed() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command(
        "mkdir -p src docs && printf 'one\\r\\n\\303\\244 the cat\\r\\n' > src/a.txt \
         && printf 'the dog\\n' > docs/b.md && printf 'the\\0' > bin && printf 'other' > open.txt",
    )
    .await
    .unwrap();
    let mut document = Document::open(&mut page, "open.txt").await.unwrap();
    document.insert(&mut page, 0, "the cow, an").await.unwrap();
    let (found, done) = search(&mut page, 1, query("the ")).await;
    let paths: Vec<_> = found.iter().map(|f| f.path.to_string()).collect();
    let own = ["docs/b.md", "open.txt", "src/a.txt"];
    let ours: Vec<_> = paths.iter().filter(|p| own.contains(&p.as_str())).collect();
    assert_eq!(ours, own, "{paths:?}");
    let a = found.iter().find(|f| f.path == path("src/a.txt")).unwrap();
    assert_eq!(
        (a.matches[0].line, a.matches[0].start, a.matches[0].end),
        (2, 2, 6)
    );
    assert_eq!(a.matches[0].text, "ä the cat");
    assert!(matches!(
        done,
        RunnerMessage::SearchDone {
            bound: None,
            skipped: 0,
            ..
        }
    ));

    let only = SearchQuery {
        include: vec!["src".into()],
        case: false,
        ..query("THE")
    };
    assert_eq!(search(&mut page, 2, only).await.0.len(), 1);
    let without = SearchQuery {
        exclude: vec!["*.md".into(), "src/".into(), "README*".into()],
        ..query("the ")
    };
    let (found, _) = search(&mut page, 3, without).await;
    assert!(found.iter().any(|f| f.path == path("open.txt")));
    assert!(found.iter().all(|f| !f.path.to_string().ends_with(".md")));
}

#[tokio::test]
async fn a_search_is_bounded_and_says_so_and_bad_ones_are_refused() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("mkdir d && for i in $(seq 11); do yes ab | head -600 > d/$i; done")
        .await
        .unwrap();
    let (found, done) = search(&mut page, 1, query("ab")).await;
    assert!(
        matches!(
            done,
            RunnerMessage::SearchDone {
                matches: 5000,
                bound: Some(SearchBound::Matches),
                ..
            }
        ),
        "{done:?}"
    );
    assert!(found.iter().all(|f| f.more && f.matches.len() == 500));

    let mut refused = async |query: SearchQuery| {
        let (found, answer) = search(&mut page, 2, query).await;
        assert!(found.is_empty());
        code(&answer)
    };
    let regex = |pattern: &str| SearchQuery {
        regex: true,
        ..query(pattern)
    };
    assert_eq!(refused(query("")).await, Some(ErrorCode::BadQuery));
    assert_eq!(refused(regex("(")).await, Some(ErrorCode::BadQuery));
    assert_eq!(
        refused(regex("(a{1000}){1000}")).await,
        Some(ErrorCode::BadQuery)
    );
    assert_eq!(refused(query(&"z".repeat(MAX_PATTERN_BYTES))).await, None);
    let long = query(&"z".repeat(MAX_PATTERN_BYTES + 1));
    assert_eq!(refused(long).await, Some(ErrorCode::Limit));
    let glob = SearchQuery {
        include: vec!["a[".into()],
        ..query("a")
    };
    assert_eq!(refused(glob).await, Some(ErrorCode::BadQuery));
    // Typing goes on as ever.
    let terminal = page.shell().await.unwrap();
    page.input(terminal, "echo al''ive\n").await.unwrap();
    page.until_output(terminal, "alive").await.unwrap();
}

#[tokio::test]
async fn what_is_replaced_is_what_was_seen_and_can_be_put_back() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let (mut page, mut other) = (
        server.session(&id).await.unwrap(),
        server.session(&id).await.unwrap(),
    );
    page.command(
        "mkdir w && cd w && printf 'old one\\r\\nold two\\r\\n' > crlf && printf 'old\\n' > run.sh \
         && chmod 750 run.sh && printf 'old\\n' > changes && printf 'an old text\\n' > open",
    )
    .await
    .unwrap();
    let mut mine = Document::open(&mut page, "w/open").await.unwrap();
    let mut theirs = Document::open(&mut other, "w/open").await.unwrap();
    let wanted = SearchQuery {
        regex: true,
        include: vec!["w".into()],
        replacement: Some("${1}w".into()),
        ..query("(o)ld")
    };
    let (found, _) = search(&mut page, 1, wanted.clone()).await;
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(found[0].matches[0].replacement.as_deref(), Some("ow"));
    other
        .command("echo 'old, by a program' > w/changes")
        .await
        .unwrap();
    let mut chosen = all_of(&found);
    // One of the two is left out.
    chosen
        .iter_mut()
        .find(|f| f.path == path("w/crlf"))
        .unwrap()
        .chosen = vec![1];
    let (files, undoable) = replace(&mut page, 7, wanted.clone(), chosen).await;
    assert!(undoable);
    let outcome = |files: &[ReplacedFile], p: &str| {
        files
            .iter()
            .find(|f| f.path == path(p))
            .map(|f| f.outcome.clone())
    };
    let one = Some(ReplaceOutcome::Replaced { matches: 1 });
    assert_eq!(outcome(&files, "w/crlf"), one);
    assert_eq!(outcome(&files, "w/run.sh"), one);
    assert_eq!(outcome(&files, "w/open"), one);
    assert_eq!(outcome(&files, "w/changes"), Some(ReplaceOutcome::Changed));
    mine.until(&mut page, |t| t == "an ow text\n")
        .await
        .unwrap();
    theirs
        .until(&mut other, |t| t == "an ow text\n")
        .await
        .unwrap();
    let show = "cat -A w/crlf w/open w/run.sh w/changes; stat -c %a w/run.sh";
    let (text, _) = page.command(show).await.unwrap();
    for line in [
        "old one^M$",
        "ow two^M$",
        "an ow text$",
        "ow$",
        "old, by a program$",
        "750",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }

    // Somebody types on: that file stays as it is, the others are put back.
    theirs.insert(&mut other, 0, "Now ").await.unwrap();
    mine.until(&mut page, |t| t.starts_with("Now "))
        .await
        .unwrap();
    let undo = |replace| ClientMessage::ReplaceUndo { replace };
    let answer = page.ask(undo(8)).await.unwrap();
    assert_eq!(code(&answer), Some(ErrorCode::NotFound));
    // Another connection of the same page knows the way back.
    let again = Session::connect_as(server.address, &server.token, &id, &page.client).await;
    let RunnerMessage::Replaced { files, .. } = again.unwrap().ask(undo(7)).await.unwrap() else {
        panic!("not undone")
    };
    assert_eq!(outcome(&files, "w/crlf"), one);
    assert_eq!(outcome(&files, "w/open"), Some(ReplaceOutcome::Changed));
    let (text, _) = page.command(show).await.unwrap();
    for line in ["old one^M$", "old two^M$", "old$", "750"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(mine.content(), "Now an ow text\n");
    assert_eq!(
        code(&page.ask(undo(7)).await.unwrap()),
        Some(ErrorCode::NotFound)
    );
}

#[tokio::test]
async fn a_replacing_that_makes_no_sense_changes_nothing() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo old > a").await.unwrap();
    let with = SearchQuery {
        replacement: Some("new".into()),
        include: vec!["a".into()],
        ..query("old")
    };
    let (found, _) = search(&mut page, 1, with.clone()).await;
    let chosen = all_of(&found);
    let ask = |query: SearchQuery, files: Vec<ReplaceFile>| ClientMessage::Replace {
        replace: 1,
        query,
        files,
    };
    let without = SearchQuery {
        replacement: None,
        ..with.clone()
    };
    let answer = page.ask(ask(without, chosen.clone())).await.unwrap();
    assert_eq!(code(&answer), Some(ErrorCode::BadQuery));
    let many = |n| vec![chosen[0].clone(); n];
    let answer = page
        .ask(ask(with.clone(), many(MAX_REPLACE_FILES + 1)))
        .await
        .unwrap();
    assert_eq!(code(&answer), Some(ErrorCode::Limit));
    let bad = |change: fn(&mut ReplaceFile)| {
        let mut file = chosen[0].clone();
        change(&mut file);
        file
    };
    let files = vec![
        bad(|f| f.stamp = "0".into()),
        bad(|f| f.chosen = vec![1]),
        bad(|f| f.chosen = vec![0, 0]),
        bad(|f| f.path = "gone".parse().unwrap()),
        bad(|f| f.path = WorkspacePath::root()),
    ];
    let (files, undoable) = replace(&mut page, 2, with, files).await;
    assert!(!undoable);
    assert!(
        files.iter().all(|f| f.outcome == ReplaceOutcome::Changed),
        "{files:?}"
    );
    let (text, _) = page.command("cat a").await.unwrap();
    assert!(text.contains("old"), "{text}");
}
