//! What a repl's files take on this machine's disk is limited, as root and where there are loop devices: see
//! `spawner/src/sandbox/disk.rs`.

mod common;

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use alcove_testkit::{Options, Server, Traces, eventually, kill_sandbox};
use common::options;
use serde_json::Value;

/// MiB that a repl's disk has here.
const DISK: u64 = 64;

fn limited() -> Options {
    options().arg("--disk", &format!("{DISK}MiB"))
}

fn image(server: &Server, id: &str) -> PathBuf {
    server.data_dir.join(format!("sandboxes/disks/{id}.img"))
}

/// MiB that a file takes.
fn taken(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    (std::fs::metadata(path).unwrap().blocks() * 512) >> 20
}

fn folder(server: &Server, id: &str) -> PathBuf {
    server.data_dir.join("repls").join(id)
}

fn umount(folder: &Path) {
    let unmounted = Command::new("umount").arg("--lazy").arg(folder).status();
    assert!(unmounted.unwrap().success());
    assert!(!folder.join("workspace").exists());
}

/// Kills what runs, and waits until nothing of it is in the way.
async fn end_sandbox(server: &Server, id: &str) {
    let record = server
        .data_dir
        .join(format!("sandboxes/sandboxes/{id}.json"));
    let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    kill_sandbox(&server.data_dir, id).unwrap();
    for process in ["first", "monitor"] {
        let stat = format!("/proc/{}/stat", record[process]["pid"]);
        eventually("its process has ended", || async {
            let stat = std::fs::read_to_string(&stat).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_full_disk_is_the_repls_own_and_what_is_deleted_makes_room() {
    let server = Server::start(limited()).await.unwrap();
    let (full, other) = (
        server.create("blank").await.unwrap(),
        server.create("blank").await.unwrap(),
    );
    let mut page = server.session(&full).await.unwrap();
    let traces = Traces::of(&server).unwrap();
    let fill = "head -c 128M /dev/zero > big; head -c 1M /dev/zero > ~/more; echo code $?";
    let (said, _) = page.command(fill).await.unwrap();
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("code 1"), "home is on the same disk: {said}");
    assert!(taken(&image(&server, &full)) <= DISK);
    eventually("the page is told", || async {
        let disk = server.state(&full).await.ok()?["resources"]["disk"].clone();
        (disk["bytes"].is_u64() && disk["bytes"] == disk["max_bytes"]).then_some(())
    })
    .await;
    let mut neighbour = server.session(&other).await.unwrap();
    let write = "head -c 16M /dev/urandom > big && echo code $?";
    let (said, _) = neighbour.command(write).await.unwrap();
    assert!(said.contains("code 0"), "{said}");

    let (said, _) = page
        .command("rm big && sync && echo fine > small && cat small")
        .await
        .unwrap();
    assert!(said.contains("fine"), "{said}");
    eventually("what was deleted is given back", || async {
        (taken(&image(&server, &full)) < DISK / 2).then_some(())
    })
    .await;
    drop((page, neighbour));
    for id in [&full, &other] {
        server.stop_repl(id).await.unwrap();
        assert!(!image(&server, id).exists() && !folder(&server, id).exists());
    }
    traces.of_repls_gone().await;
    let mut page = server.session(&full).await.unwrap();
    assert!(page.command("cat small").await.unwrap().0.contains("fine"));
}

#[tokio::test]
async fn what_was_on_a_disk_is_saved_after_the_machine_was_restarted() {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    // Too fresh to have been saved.
    page.command("echo precious > file; sync").await.unwrap();
    server.end(libc::SIGKILL).await.unwrap();
    end_sandbox(&server, &id).await;
    umount(&folder(&server, &id));

    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page.command("cat file").await.unwrap();
    assert!(said.contains("precious"), "{said}");
}

/// Folders of `/sys/block` of the loop devices that show a file.
fn devices(image: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir("/sys/block").unwrap();
    let all = all.map(|entry| entry.unwrap().path().join("loop"));
    let of_image = |device: &PathBuf| {
        let file = std::fs::read_to_string(device.join("backing_file"));
        file.is_ok_and(|file| Path::new(file.trim_end()) == image)
    };
    all.filter(of_image).collect()
}

#[tokio::test]
async fn a_disk_that_is_mounted_somewhere_yet_gets_no_second_device() {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    drop(server.session(&id).await.unwrap());
    let image = image(&server, &id).canonicalize().unwrap();
    let [device] = devices(&image).try_into().unwrap();
    // Its file system caches what is in it, and the machine's not once more.
    let can_be = std::fs::File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(&image)
        .is_ok();
    let is_direct = std::fs::read_to_string(device.join("dio")).unwrap();
    assert_eq!(is_direct.trim_end(), ["0", "1"][usize::from(can_be)]);
    server.end(libc::SIGKILL).await.unwrap();
    // Its sandbox goes on with it.
    umount(&folder(&server, &id));

    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo one > file").await.unwrap();
    let file = std::fs::read(folder(&server, &id).join("workspace/file"));
    assert_eq!(file.unwrap(), b"one\n");
    assert_eq!(devices(&image), [device]);
}

#[tokio::test]
async fn what_is_on_a_disk_that_is_unmounted_under_a_server_does_not_count_as_deleted() {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo precious > file").await.unwrap();
    let save = format!("/api/repls/{id}/save");
    let saved = server.http().post(&save, Value::Null).await.unwrap();
    assert!(saved.status < 300, "{}", saved.text());
    umount(&folder(&server, &id));
    page.command("echo fresh > other; sync").await.unwrap();
    let saved = server.http().post(&save, Value::Null).await.unwrap();
    assert!(saved.status >= 500, "{}", saved.text());
    server.end(libc::SIGTERM).await.unwrap();
    let in_store = format!("/api/repls/{id}/history/latest/files/file");
    end_sandbox(&server, &id).await;

    let server = server.again().await.unwrap();
    let kept = server.http().get(&in_store).await.unwrap();
    assert_eq!(kept.text(), "precious\n");
    let states = format!("/api/repls/{id}/history");
    let states = server.http().get(&states).await.unwrap().json();
    let states = states["states"].as_array().unwrap();
    assert!(
        states.iter().all(|state| state["removed"] == 0),
        "{states:?}"
    );
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page.command("cat file other").await.unwrap();
    assert!(
        said.contains("precious") && said.contains("fresh"),
        "{said}"
    );
}

#[tokio::test]
async fn a_disk_that_is_full_in_every_way_is_saved_and_opens_again() {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let fill = "mkdir many; : > big; i=0; while : > many/$i; do i=$((i+1)); done 2>/dev/null; \
        echo precious >> README.md; head -c 128M /dev/zero > big; echo more > more; echo code $?";
    let (said, _) = page.command(fill).await.unwrap();
    assert!(said.contains("code 1"), "{said}");
    server.end(libc::SIGKILL).await.unwrap();
    end_sandbox(&server, &id).await;
    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page
        .command("tail -n 1 README.md; rm -r many big && echo fine > small && cat small")
        .await
        .unwrap();
    assert!(said.contains("precious") && said.contains("fine"), "{said}");
}

#[tokio::test]
async fn a_server_without_the_limit_goes_on_with_disks_that_there_are() {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo precious > file").await.unwrap();
    server.end(libc::SIGTERM).await.unwrap();
    let data = server.data_dir.clone();
    let unlimited = Server::start_over(options().arg("--disk", "0"), &data)
        .await
        .unwrap();
    let mut page = unlimited.session(&id).await.unwrap();
    assert!(
        page.command("cat file")
            .await
            .unwrap()
            .0
            .contains("precious")
    );
    drop(page);
    unlimited.stop_repl(&id).await.unwrap();
    assert!(!image(&unlimited, &id).exists());
    let mut page = unlimited.session(&id).await.unwrap();
    assert!(
        page.command("cat file")
            .await
            .unwrap()
            .0
            .contains("precious")
    );
    assert!(!image(&unlimited, &id).exists(), "a new one has none");
}

/// Makes folders within each other until no path leads to the innermost, where a file is.
const DEEP: &str = r"
import os
for _ in range(60):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)
open('innermost', 'w').write('there')
";

const INNERMOST: &str = r"
import os
os.chdir('workspace')
for _ in range(60):
    os.chdir('d' * 200)
print(open('innermost').read(), end='')
";

#[tokio::test]
async fn what_can_neither_be_saved_nor_be_copied_is_kept_with_its_disk() {
    let server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let traces = Traces::of(&server).unwrap();
    page.write_file("deep.py", DEEP.as_bytes()).await.unwrap();
    let made = "echo saved > a.txt; python3 deep.py";
    assert_eq!(page.command(made).await.unwrap().1, 0);
    drop(page);
    server.stop_repl(&id).await.unwrap();
    let state = server.state(&id).await.unwrap();
    let said = state["detail"].as_str().unwrap();
    let (_, place) = said.split_once("`unsaved/").unwrap();
    let disk = server.data_dir.join("unsaved");
    let disk = disk.join(place.split_once('`').unwrap().0);
    assert!(!image(&server, &id).exists() && !folder(&server, &id).exists());
    assert_eq!(unsaved(&server), [format!("{id}.img")], "the disk alone");
    assert_eq!(in_image(&disk, INNERMOST), "there");
    // It starts as it was saved.
    let mut page = server.session(&id).await.unwrap();
    let said = page.command("cat a.txt; rm -rf d*").await.unwrap().0;
    assert!(said.contains("saved"), "{said}");
    drop(page);
    server.stop().await.unwrap();
    traces.all_gone().await;
}

/// Names of what could not be saved.
fn unsaved(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.data_dir.join("unsaved"));
    let names = entries.into_iter().flatten().flatten();
    let mut names: Vec<String> = names
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Too deep to be saved, not to be copied.
const TOO_DEEP: &str =
    "mkdir -p $(printf 'd/%.0s' $(seq 300)); echo there > $(printf 'd/%.0s' $(seq 300))file";

#[tokio::test]
async fn of_one_repl_one_thing_is_kept_and_what_comes_after_it_stays_in_the_repl() {
    let server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(page.command(TOO_DEEP).await.unwrap().1, 0);
    drop(page);
    server.stop_repl(&id).await.unwrap();
    assert_eq!(unsaved(&server), [id.as_str()]);
    let copy = server.data_dir.join("unsaved").join(&id);
    let file = format!("workspace/{}file", "d/".repeat(300));
    let kept = std::fs::read_to_string(copy.join(&file)).unwrap();
    assert_eq!(kept, "there\n");
    assert!(!folder(&server, &id).exists() && !image(&server, &id).exists());

    // Whether it could be copied or not.
    let mut traces = None;
    for make in [TOO_DEEP, "python3 deep.py"] {
        let mut page = server.session(&id).await.unwrap();
        traces = Some(Traces::of(&server).unwrap());
        page.write_file("deep.py", DEEP.as_bytes()).await.unwrap();
        assert_eq!(page.command(make).await.unwrap().1, 0);
        drop(page);
        server.stop_repl(&id).await.unwrap();
        let state = server.state(&id).await.unwrap();
        let said = state["detail"].as_str().unwrap();
        let wanted =
            format!("in the repl itself. What an earlier run could not save is in `unsaved/{id}`");
        assert!(said.contains(&wanted), "{said}");
        assert_eq!(unsaved(&server), [id.as_str()], "nothing more");
        assert!(folder(&server, &id).join(&file).exists());
    }
    // It goes on from there, and back from the bin.
    let path = format!("/api/repls/{id}");
    let http = server.http();
    let deleted = http.json(hyper::Method::DELETE, &path, Value::Null).await;
    assert_eq!(deleted.unwrap().status, 204);
    let restored = http.post(&format!("{path}/restore"), Value::Null).await;
    assert!(restored.unwrap().status < 300);
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page
        .command("cat $(printf 'd/%.0s' $(seq 300))file")
        .await
        .unwrap();
    assert_eq!(said, "there\n");
    page.command("rm -rf d*").await.unwrap();
    drop(page);
    server.stop_repl(&id).await.unwrap();
    assert!(!folder(&server, &id).exists());
    assert_eq!(unsaved(&server), [id.as_str()]);
    server.stop().await.unwrap();
    traces.unwrap().all_gone().await;
}

/// A repl with what `make` has made, of a server that was killed, and has no sandbox any more.
async fn killed(make: &str) -> (Server, String) {
    let mut server = Server::start(limited()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.write_file("deep.py", DEEP.as_bytes()).await.unwrap();
    assert_eq!(page.command(make).await.unwrap().1, 0);
    server.end(libc::SIGKILL).await.unwrap();
    end_sandbox(&server, &id).await;
    std::fs::create_dir(server.data_dir.join("unsaved")).unwrap();
    (server, id)
}

/// Once the next server has done what was left to be done.
async fn rescued(server: Server, id: &str) -> Server {
    let server = server.again().await.unwrap();
    eventually("it is at rest", || async {
        (!folder(&server, id).exists()).then_some(())
    })
    .await;
    assert!(!image(&server, id).exists());
    server
}

#[tokio::test]
async fn a_disk_that_was_about_to_be_kept_is_found_again_and_no_other_is_made() {
    let (server, id) = killed("python3 deep.py").await;
    let kept = server.data_dir.join(format!("unsaved/{id}.img"));
    // A server was cut short here: it is still mounted.
    std::fs::rename(image(&server, &id), &kept).unwrap();
    let server = rescued(server, &id).await;
    assert_eq!(unsaved(&server), [format!("{id}.img")]);
    assert_eq!(in_image(&kept, INNERMOST), "there");
}

#[tokio::test]
async fn a_copy_that_was_cut_short_is_made_again_and_one_that_is_whole_is_not() {
    let (server, id) = killed(TOO_DEEP).await;
    let place = server.data_dir.join("unsaved").join(&id);
    let part = place.with_extension("part");
    std::fs::create_dir(&part).unwrap();
    std::fs::write(part.join("half"), "").unwrap();
    let server = rescued(server, &id).await;
    assert_eq!(unsaved(&server), [id.as_str()]);
    assert!(!place.join("half").exists() && place.join("restored").exists());
    drop(server);

    let (server, id) = killed(TOO_DEEP).await;
    let place = server.data_dir.join("unsaved").join(&id);
    let copied = Command::new("cp")
        .args(["-a", "-T"])
        .args([&folder(&server, &id), &place])
        .status();
    assert!(copied.unwrap().success());
    // By which it is seen that it is not made again.
    std::fs::write(place.join("seen"), "").unwrap();
    let server = rescued(server, &id).await;
    assert_eq!(unsaved(&server), [id.as_str()]);
    assert!(place.join("seen").exists());
}

/// What a program says in a disk that is mounted for it alone.
fn in_image(disk: &Path, program: &str) -> String {
    let script = "mount -o loop,ro \"$1\" /mnt && cd /mnt && python3 -c \"$2\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(disk)
        .arg(program)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A server that can make no disks: the program for it is none, for this server alone. Disks of other tests,
/// which would be kept by its mounts, are let go first.
fn without_disks(folder: &Path) -> Options {
    use std::os::unix::fs::PermissionsExt;
    let mut options = limited();
    let script = folder.join("alcove");
    let text = format!(
        "#!/bin/sh\nexec unshare --mount sh -c 'grep -o \" /[^ ]*/repls/[^ ]*\" /proc/mounts | xargs -r umount --lazy; mount --bind /dev/null \"$(command -v mkfs.ext4)\" && exec \"$0\" \"$@\"' {} \"$@\"\n",
        options.alcove.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    options.alcove = script;
    options
}

#[tokio::test]
async fn where_there_are_no_disks_what_takes_too_much_is_stopped_and_its_files_are_kept() {
    let top = tempfile::tempdir().unwrap();
    let server = Server::start(without_disks(top.path())).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page
        .command("head -c 60M /dev/urandom > big; echo precious > small; echo code $?")
        .await
        .unwrap();
    assert!(said.contains("code 0"), "{said}");
    assert!(!image(&server, &id).exists());
    let disk = async |what: &str, fits: fn(u64, u64) -> bool| {
        eventually(what, || async {
            let told = server.state(&id).await.ok()?["resources"].clone();
            let disk = &told["disk"];
            let (is, may) = (disk["bytes"].as_u64()?, disk["max_bytes"].as_u64()?);
            (told["disk_is_measured"] == true && fits(is >> 20, may >> 20)).then_some(())
        })
        .await;
    };
    disk("it is told", |is, may| {
        may == DISK && (60..DISK).contains(&is)
    })
    .await;
    let shell = page.shell().await.unwrap();
    page.input(shell, "head -c 40M /dev/urandom > more\n")
        .await
        .unwrap();
    server.until(&id, "failed").await;
    let state = server.state(&id).await.unwrap();
    let said = state["detail"].as_str().unwrap();
    assert!(
        said.contains("The disk was full") && said.contains("may hold 64 MiB"),
        "{said}"
    );
    assert_eq!(state["saved"]["state"], "saved");

    // There is room to delete something in.
    let mut page = server.session(&id).await.unwrap();
    let (said, _) = page
        .command("cat small; rm big more && echo gone")
        .await
        .unwrap();
    assert!(said.contains("precious") && said.contains("gone"), "{said}");
    disk("there is room again", |is, may| is < 10 && may >= 100).await;
}

#[tokio::test]
async fn what_takes_too_much_and_could_not_be_saved_can_be_opened_to_make_room() {
    let top = tempfile::tempdir().unwrap();
    let options = without_disks(top.path()).arg("--repl-size", "16MiB");
    let server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let shell = page.shell().await.unwrap();
    page.input(shell, "head -c 100M /dev/urandom > big\n")
        .await
        .unwrap();
    server.until(&id, "failed").await;
    let state = server.state(&id).await.unwrap();
    assert_eq!(state["saved"]["state"], "partly");
    let said = state["detail"].as_str().unwrap();
    assert!(
        said.contains("The disk was full") && said.contains("One file is not saved"),
        "{said}"
    );
    let mut page = server.session(&id).await.unwrap();
    eventually("it is measured, and goes on", || async {
        let disk = &server.state(&id).await.ok()?["resources"]["disk"];
        (disk["bytes"].as_u64()? >= 100 << 20).then_some(())
    })
    .await;
    let (said, _) = page.command("rm big && echo gone").await.unwrap();
    assert!(said.contains("gone"), "{said}");
    drop(page);
    server.stop_repl(&id).await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["saved"]["state"], "saved");
}
