//! What code in a repl, taken as hostile, finds of the server that runs it. (What the sandbox itself
//! holds back is tested in the spawner.)

mod common;

use std::path::{Path, PathBuf};

use alcove_testkit::{Server, Traces, eventually};
use common::{options, server};

#[tokio::test]
async fn no_credential_and_no_path_of_the_host_is_inside() {
    let server = server().await;
    let id = server.create("node").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let data = server.data_dir.to_str().unwrap();
    // The kernel's table of mounts names the place of each folder on its disk, which leads nowhere from
    // here; nothing else does.
    let (text, _) = page
        .command("env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'")
        .await
        .unwrap();
    assert!(!text.contains(&server.token), "the token is inside");
    assert!(
        !text.contains(data.trim_end_matches("/data")),
        "the data folder's path is inside: {text}"
    );
    let (text, _) = page
        .command(&format!(
            "ls {data}; ls /root/.ssh; ls /root/.cargo; ls /run/alcove"
        ))
        .await
        .unwrap();
    assert!(
        text.matches("No such file").count() + text.matches("Permission denied").count() >= 3,
        "{text}"
    );
    // The runner is the first process, and can be neither traced nor ended.
    let (text, _) = page
        .command("kill -9 1; kill -TERM 1; cat /proc/1/environ; head -c1 /proc/1/mem; echo a''live")
        .await
        .unwrap();
    assert!(
        text.contains("alive") && text.contains("Permission denied"),
        "{text}"
    );
    let (text, _) = page
        .command("id -u; cat /proc/self/status | grep -E 'CapEff|NoNewPrivs'")
        .await
        .unwrap();
    assert!(
        text.contains("1000")
            && text.contains("0000000000000000")
            && text.contains("NoNewPrivs:\t1"),
        "{text}"
    );
}

/// A process's group among those of processors.
fn group_of_processors(pid: u32) -> PathBuf {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let mut found = PathBuf::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next().unwrap(), parts.next().unwrap());
        let group = group.trim_start_matches('/');
        // Version 1; where that has none, version 2.
        if controllers.split(',').any(|c| c == "cpu") {
            return Path::new("/sys/fs/cgroup").join(controllers).join(group);
        }
        if controllers.is_empty() {
            found = Path::new("/sys/fs/cgroup").join(group);
        }
    }
    found
}

/// Whether a process waits until nothing else wants its processor.
fn is_idle(pid: u32) -> bool {
    let group = group_of_processors(pid);
    let idle = |group: &Path| std::fs::read_to_string(group.join("cpu.idle"));
    group
        .ancestors()
        .any(|group| idle(group).is_ok_and(|is| is.trim() == "1"))
}

#[tokio::test]
async fn programs_yield_their_processor_to_other_repls_where_a_group_can_be_idle_and_the_runner_never()
 {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let terminal = page.shell().await.unwrap();
    let started = page.input(terminal, "sleep 600 & echo star''ted\n").await;
    started.unwrap();
    page.until_output(terminal, "started").await.unwrap();
    let traces = Traces::of(&server).unwrap();
    let programs = traces.programs_of(&id);
    let runner = traces.runner_of(&id);
    assert!(programs.len() >= 2, "{programs:?}");
    assert!(!runner.is_empty());
    // In version 2 the innermost groups have no controller of processors.
    let of_repl = |pid: &u32| {
        let group = group_of_processors(*pid);
        assert!(group.is_dir(), "{}", group.display());
        group.parent().unwrap().to_owned()
    };
    let can_be = |pid: &u32| of_repl(pid).join("cpu.idle").exists();
    let can_be = programs.iter().all(can_be);
    let has_many = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
    for pid in &programs {
        assert!(!is_idle(*pid), "{pid} has nobody to yield to");
    }
    let other = server.create("blank").await.unwrap();
    let _other = server.session(&other).await.unwrap();
    for pid in &programs {
        assert_eq!(is_idle(*pid), can_be, "{pid}");
    }
    for pid in runner {
        assert!(!is_idle(pid), "{pid}");
        if can_be && has_many {
            // It goes before programs, other repls' too, but never has more than one processor.
            let quota = ["cpu.cfs_quota_us", "cpu.max"]
                .map(|file| std::fs::read_to_string(of_repl(&pid).join(file)).unwrap_or_default());
            assert_eq!(quota.concat().split_whitespace().next(), Some("100000"));
        }
    }
    let stop = format!("/api/repls/{other}/stop");
    let stopped = server.http().post(&stop, serde_json::json!({})).await;
    assert!(stopped.unwrap().status < 300);
    eventually("nobody to yield to", async || {
        (!programs.iter().any(|pid| is_idle(*pid))).then_some(())
    })
    .await;
}

/// Each of these is a rule that the kernel could have refused by (landlock(7)).
#[tokio::test]
async fn what_programs_do_with_files_sockets_terminals_and_signals_goes_on_within_all_walls() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let tried = r#"
set -e
mkdir -p a b ~/c && echo text > a/file
mv a/file b/moved && mv b a/b && ln a/b/moved linked && ln -s linked symbolic && rm symbolic
mv linked ~/c/ && mv ~/c/linked /tmp/ && mv /tmp/linked /dev/shm/ && rm /dev/shm/linked
truncate -s 10 a/b/moved && chmod 600 a/b/moved && touch -d yesterday a/b/moved
mkfifo pipe && { echo through > pipe & } && grep -q through pipe && rm pipe
git init -q . && git config user.email a@b && git config user.name a
git add a && git commit -qm one && git mv a/b/moved a/moved && git commit -qm two && git gc -q
python3 -m venv --without-pip .venv && .venv/bin/python -c 'print("venv")'
echo none > /dev/null && echo 500 > /proc/self/oom_score_adj
script -qec 'stty size < /dev/tty' /dev/null > /dev/null
sleep 600 & kill $!
cat <(echo substituted) > /dev/stderr
python3 - <<'END'
import ctypes, multiprocessing, os, signal, socket, tempfile
def meet(address, family):
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        with socket.socket(family) as client:
            client.connect(server.getsockname())
            server.accept()
meet("\0alcove-own", socket.AF_UNIX)
meet("/tmp/own.sock", socket.AF_UNIX)
meet("/run/own.sock", socket.AF_UNIX)
meet(("127.0.0.1", 0), socket.AF_INET)
multiprocessing.Queue().put(1)
shared = multiprocessing.Value("i", 1)
with tempfile.TemporaryFile() as file:
    file.write(b"x")
os.memfd_create("x")
traced = os.fork()
if traced == 0:
    signal.pause()
assert ctypes.CDLL(None).ptrace(16, traced, 0, 0) == 0  # PTRACE_ATTACH
os.waitpid(traced, 0)
open(f"/proc/{traced}/mem", "r+b").close()
os.kill(traced, signal.SIGKILL)
END
echo al''l done
"#;
    page.write_file("tried.sh", tried.as_bytes()).await.unwrap();
    let (text, code) = page.command("bash tried.sh").await.unwrap();
    assert!(code == 0 && text.contains("all done"), "{text}");
}

#[tokio::test]
async fn the_server_cannot_be_reached_from_a_repl() {
    let server = Server::start(options().arg("--network", "internet"))
        .await
        .unwrap();
    let id = server.create("node").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let port = server.address.port();
    // This machine as a repl might call it: its loopback, the network's gateway and host address.
    for address in ["127.0.0.1", "10.0.2.2", "10.0.2.100"] {
        let (text, code) = page
            .command(&format!(
                "timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}'"
            ))
            .await
            .unwrap();
        assert_ne!(code, 0, "{address}: {text}");
    }
}

#[tokio::test]
async fn a_program_that_takes_all_memory_is_ended_and_the_repl_goes_on() {
    let server = Server::start(options().arg("--memory", "128MiB").arg("--processes", "64"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let shell = page.shell().await.unwrap();
    let full_screen = page.shell().await.unwrap();
    let draws = "printf '\\033[?1049h'; echo dra''wn; sleep 1000\n";
    page.input(full_screen, draws).await.unwrap();
    page.until_output(full_screen, "drawn").await.unwrap();
    let (_, code) = page
        .command("python3 -c 'x = bytearray(1 << 30); print(len(x))'")
        .await
        .unwrap();
    assert_ne!(code, 0);
    eventually("it is said", || async {
        let state = server.state(&id).await.ok()?;
        let resources = &state["resources"];
        (resources["killed"].as_u64()? >= 1 && resources["killed_at"].is_string()).then_some(())
    })
    .await;
    // In the terminals, too: but not where a full-screen program would be disturbed.
    page.until_output(shell, "[Memory was full (128 MiB), so a program was ended")
        .await
        .unwrap();
    assert!(!page.output(full_screen).contains("Memory was full"));
    let figures = server.http().get("/metrics").await.unwrap().text();
    assert!(
        figures.contains(&format!("alcove_repl_memory_bytes{{repl=\"{id}\"}}")),
        "{figures}"
    );
    let (text, _) = page.command("for i in $(seq 200); do sleep 5 & done 2>&1 | tail -1; kill $(jobs -p); echo st''ill here").await.unwrap();
    assert!(text.contains("still here"), "{text}");
}

#[tokio::test]
async fn links_out_of_a_workspace_bring_nothing_of_the_host_into_the_store() {
    let server = Server::start(options().arg("--grace-period", "100ms"))
        .await
        .unwrap();
    let secret = tempfile::tempdir().unwrap();
    std::fs::write(secret.path().join("secret"), "the host's own").unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let target = secret.path().display();
    page.command(&format!(
        "ln -s {target} stolen; rm alcove.toml; ln -s {target}/secret alcove.toml; mkfifo pipe"
    ))
    .await
    .unwrap();
    drop(page);
    server.until(&id, "stopped").await;
    let mut found = Vec::new();
    for pack in std::fs::read_dir(server.data_dir.join(format!("store/repl/code/{id}/packs")))
        .into_iter()
        .flatten()
        .flatten()
    {
        let plain = std::process::Command::new("zstd")
            .args(["-dc"])
            .arg(pack.path())
            .output();
        found.extend(plain.map(|o| o.stdout).unwrap_or_default());
    }
    assert!(!String::from_utf8_lossy(&found).contains("the host's own"));
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("readlink stolen alcove.toml; cat stolen/secret")
        .await
        .unwrap();
    assert!(
        text.contains("No such file") && text.contains(&format!("{target}/secret")),
        "{text}"
    );
    drop(page);
    server.until(&id, "stopped").await;
    assert!(
        Path::new(&secret.path().join("secret")).exists(),
        "deleting the local copy deletes nothing else"
    );
}

#[tokio::test]
async fn without_isolation_only_when_asked_for() {
    let server = Server::start(
        options()
            .arg("--spawner", "process")
            .arg("--grace-period", "100ms"),
    )
    .await
    .unwrap();
    let me = server.http().get("/api/me").await.unwrap().json();
    assert_eq!(me["isolated"], false);
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("pwd; echo kept > file; setsid sleep 987 & sleep 0.1")
        .await
        .unwrap();
    assert!(text.contains(server.data_dir.to_str().unwrap()), "{text}");
    drop(page);
    server.until(&id, "stopped").await;
    eventually("its processes are gone", || async {
        let output = std::process::Command::new("pgrep")
            .args(["-f", "^sleep 987$"])
            .output()
            .ok()?;
        output.stdout.is_empty().then_some(())
    })
    .await;
    let mut page = server.session(&id).await.unwrap();
    assert!(page.command("cat file").await.unwrap().0.contains("kept"));
}

#[tokio::test]
async fn without_isolation_too_what_runs_goes_on_without_its_server() {
    let options = options().arg("--spawner", "process");
    let mut server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let begin = "(setsid sh -c 'echo $$ > pid; exec sleep 986' &); until [ -s pid ]; do :; done";
    page.command(begin).await.unwrap();
    assert_eq!(server.end(libc::SIGTERM).await.unwrap(), Some(0));
    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("tr '\\0' ' ' < /proc/$(cat pid)/cmdline")
        .await
        .unwrap();
    assert!(text.contains("sleep 986"), "{text}");
    drop(page);
    server.stop().await.unwrap();
}

/// A look at the machine's own takes 7 ms of a processor, and runners look all the time where the kernel can't be
/// asked for listening sockets alone.
#[tokio::test]
async fn each_repl_has_a_small_table_of_connections_of_its_own() {
    // Linux before 6.1 has one for all.
    if !Path::new("/proc/sys/net/ipv4/tcp_child_ehash_entries").exists() {
        return;
    }
    let server = Server::start(options().arg("--network", "internet"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("cat /proc/sys/net/ipv4/tcp_ehash_entries")
        .await
        .unwrap();
    assert_eq!(text, "8192\n");
}
