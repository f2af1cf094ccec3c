//! Templates as an operator's own folder gives them, and those whose language is missing.

mod common;

use alcove_protocol::project::MAIN_RUN;
use alcove_protocol::session::{RunState, RunnerMessage};
use alcove_testkit::{DEADLINE, Server, Session};
use common::{options, run_start};
use serde_json::json;

/// A server with one template of its own, which it does not prepare.
async fn with_template(project: &str) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("own");
    std::fs::create_dir(&template).unwrap();
    std::fs::write(template.join("alcove.toml"), project).unwrap();
    let options = options().arg("--templates", folder.path().to_str().unwrap());
    (folder, Server::start(options).await.unwrap())
}

/// Presses Run; the terminal's text and the exit code, once the program has ended.
async fn run(page: &mut Session) -> (String, i32) {
    // What came of an earlier Run.
    page.news.clear();
    let start = run_start(MAIN_RUN);
    assert_eq!(page.ask(start).await.unwrap(), RunnerMessage::Done);
    let terminal = page
        .news(|message| match message {
            RunnerMessage::RunState {
                run: RunState::Running { terminal, .. } | RunState::Exited { terminal, .. },
                ..
            } => Some(*terminal),
            _ => None,
        })
        .await
        .unwrap();
    let ends = |page: &Session| page.output(terminal).matches("[exit").count();
    let before = ends(page);
    if before == 0 {
        page.attach(terminal, None).await.unwrap();
    }
    let code = page
        .news(|message| match message {
            RunnerMessage::RunState {
                run: RunState::Exited { exit_code, .. },
                ..
            } => Some(*exit_code),
            _ => None,
        })
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, async {
        while ends(page) == before {
            page.take().await.unwrap();
        }
    })
    .await
    .expect("the end is shown");
    (page.output(terminal).to_owned(), code)
}

#[tokio::test]
async fn what_was_not_prepared_is_set_up_by_the_first_run_and_only_by_it() {
    let (_folder, server) = with_template(
        "title = 'Own'\n[run]\ncommand = 'cat made'\n\
         [setup]\ncommand = 'echo set-up-once >> made'\ncreates = 'made'\n",
    )
    .await;
    let id = server.create("own").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, code) = run(&mut page).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Preparing first: echo set-up-once"), "{text}");
    let (text, _) = run(&mut page).await;
    let again = text.rsplit("$ cat made").next().unwrap();
    assert_eq!(again.matches("set-up-once").count(), 1, "{text}");
}

#[tokio::test]
async fn a_setup_that_fails_ends_the_run_with_its_own_code() {
    let (_folder, server) = with_template(
        "title = 'Own'\n[run]\ncommand = 'echo never'\n\
         [setup]\ncommand = 'sh -c \"exit 7\"'\ncreates = 'made'\n",
    )
    .await;
    let id = server.create("own").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, code) = run(&mut page).await;
    assert_eq!(code, 7, "{text}");
    assert!(!text.contains("never"), "{text}");
}

#[tokio::test]
async fn a_template_whose_language_is_missing_is_listed_with_the_command_that_installs_it() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut options = options();
    let path = "/usr/bin:/bin:/usr/sbin:/sbin";
    options.environment = vec![
        ("PATH".into(), path.into()),
        ("HOME".into(), nowhere.path().display().to_string()),
    ];
    let server = Server::start(options).await.unwrap();
    let list = server.http().get("/api/templates").await.unwrap().json();
    let rust = list
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "rust")
        .unwrap();
    // Where the system has a Rust of its own there is nothing to see.
    if std::path::Path::new("/usr/bin/cargo").exists() {
        assert_eq!(rust["missing"], json!(null));
        return;
    }
    let missing = &rust["missing"];
    assert!(
        missing["message"].as_str().unwrap().contains("cargo"),
        "{rust}"
    );
    assert!(
        missing["command"].as_str().unwrap().contains("rust"),
        "{rust}"
    );
    let answer = server
        .http()
        .post("/api/repls", json!({ "template": "rust" }))
        .await
        .unwrap();
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert!(
        answer.text().contains(missing["command"].as_str().unwrap()),
        "{}",
        answer.text()
    );
    assert!(server.create("blank").await.is_ok());
}
