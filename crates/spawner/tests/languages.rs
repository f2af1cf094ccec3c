//! What people do with languages, inside: with the tools that were found on this machine.

mod common;

use alcove_spawner::{Network, Spawner};
use common::{Place, sh};

#[tokio::test]
async fn every_language_that_was_found_works_inside() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let sandbox = place.start(&*spawner, "one", Network::None).await;
    let trials = [
        ("node", "node -e 'console.log(6 * 7)'"),
        (
            "python",
            "python3 -m venv --without-pip venv && ./venv/bin/python -c 'print(6 * 7)'",
        ),
        (
            "rust",
            "cargo init -q --vcs none --name x rust && cd rust && echo 'fn main() { println!(\"{}\", 6 * 7) }' > src/main.rs && cargo run -q",
        ),
        (
            "go",
            "mkdir go && cd go && printf 'package main\\nfunc main() { print(6 * 7, \"\\\\n\") }' > x.go && go run x.go",
        ),
        (
            "java",
            "printf 'class X { public static void main(String[] a) { System.out.println(6 * 7); } }' > X.java && java X.java",
        ),
        (
            "c",
            "printf '#include <stdio.h>\\nint main() { printf(\"%%d\\\\n\", 6 * 7); }' > x.c && gcc -o x x.c && ./x",
        ),
        (
            "cpp",
            "mkdir cpp && cd cpp && printf '#include <iostream>\\nint main() { std::cout << 6 * 7 << std::endl; }' > x.cpp && make -s x && ./x",
        ),
    ];
    let found = &spawner.languages().found;
    assert!(
        found.iter().any(|l| l.name == "python"),
        "the tests' stand-in runner needs Python"
    );
    for language in found {
        let (_, command) = trials
            .iter()
            .find(|(name, _)| *name == language.name)
            .expect("each has a trial");
        // As a terminal starts it: a login shell.
        let (code, text) = sh(&sandbox, &format!("bash -lc {}", quoted(command))).await;
        assert_eq!((code, text.trim()), (0, "42"), "{}", language.name);
    }
    spawner.stop("one").await.expect("stops");
    spawner.release("one").await.expect("releases");
    spawner.shutdown().await;
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
