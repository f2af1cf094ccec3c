//! The way without root. As root, the test starts itself again as an ordinary user.

mod common;

use std::os::unix::process::CommandExt;

use alcove_spawner::{Exit, Network, Spawner};
use common::{Place, sh};

/// Not one that the spawner gives out.
const ORDINARY: u32 = 69_990;

#[test]
fn sandboxes_work_for_an_ordinary_user() {
    if rustix::process::geteuid().is_root() {
        return as_ordinary_user("sandboxes_work_for_an_ordinary_user");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let place = Place::new();
        let spawner = place.any_sandboxes().await;
        let one = place.start(&*spawner, "one", Network::Internet).await;
        let two = place.start(&*spawner, "two", Network::None).await;
        let (_, text) = sh(&one, "id -u; hostname; hostname -I; grep CapBnd /proc/self/status; cat /proc/net/route | wc -l").await;
        assert!(text.starts_with("1000\nrepl\n10.213.") && text.contains("CapBnd:\t0000000000000000"), "{text}");
        assert_eq!(sh(&one, "touch /workspace/x ~/x && ls -A /proc/1/root/root 2>/dev/null | grep -c bashrc").await.1.trim(), "0");
        let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        for address in common::host("hostname", &["-I"]).split_whitespace().filter(|a| !a.contains(':')).chain(["10.0.2.2"]) {
            for sandbox in [&one, &two] {
                assert!(!common::reaches(sandbox, address, port).await, "{} reaches {address}", sandbox.id);
            }
        }
        let (_, seen) = sh(&two, "ls /proc | grep -c '^[0-9]'").await;
        assert!(seen.trim().parse::<u32>().expect("a number") < 10, "{seen}");
        assert_ne!(sh(&two, "unshare -r true").await.0, 0);

        // Another server finds both.
        drop(spawner);
        let spawner = place.any_sandboxes().await;
        assert_eq!(spawner.list().await.expect("lists").len(), 2);
        spawner.stop("one").await.expect("stops");
        common::gone(one.pid).await;
        spawner.stop("two").await.expect("stops");
        assert_eq!(spawner.wait("two").await, Exit::Unknown);
        spawner.shutdown().await;
        assert!(!place.path("state/router.json").exists());
    });
}

/// Runs one test of this file as an ordinary user; /dev/net/tun must be open to it meanwhile.
fn as_ordinary_user(test: &str) {
    let tun = Tun::open();
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::chown(folder.path(), Some(ORDINARY), Some(ORDINARY)).expect("its owner");
    // The test itself may lie where that user can't reach.
    let program = folder.path().join("test");
    std::fs::copy(std::env::current_exe().expect("it runs"), &program).expect("copied");
    let mut command = std::process::Command::new(&program);
    command.args(["--exact", test, "--nocapture"]).env_clear();
    command
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder.path())
        .env("TMPDIR", folder.path());
    let output = command
        .uid(ORDINARY)
        .gid(ORDINARY)
        .current_dir("/")
        .output()
        .expect("it runs");
    drop(tun);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

/// /dev/net/tun open to all; put back as it was.
struct Tun(std::fs::Permissions);

impl Tun {
    fn open() -> Self {
        let former = std::fs::metadata("/dev/net/tun")
            .expect("the device")
            .permissions();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions("/dev/net/tun", open).expect("opened");
        Self(former)
    }
}

impl Drop for Tun {
    fn drop(&mut self) {
        let _ = std::fs::set_permissions("/dev/net/tun", self.0.clone());
    }
}
