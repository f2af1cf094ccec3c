//! Attacks on each wall of a sandbox, from inside; and what must be left on the host afterwards:
//! nothing.

mod common;

use std::os::unix::fs::MetadataExt;

use alcove_spawner::{Limits, Network, SandboxSpec, Spawner};
use common::{Place, ask, host, python, reaches, sh};
use serde_json::json;

#[tokio::test]
async fn neighbours_see_nothing_of_each_other() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let one = place.start(&*spawner, "one", Network::Internet).await;
    let two = place.start(&*spawner, "two", Network::Internet).await;
    // A server on all of its addresses.
    ask(
        &one.socket,
        json!({ "leave": "cd /tmp; touch up; exec python3 -m http.server 8000" }),
    )
    .await;
    let (_, own) = sh(&one, "for i in $(seq 500); do python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000))' 2>/dev/null && break; done; hostname -I").await;
    let address = own.trim().to_owned();
    assert!(address.starts_with("10.213."), "{own}");
    assert!(reaches(&one, "127.0.0.1", 8000).await);
    assert!(!reaches(&two, "127.0.0.1", 8000).await);
    assert!(!reaches(&two, &address, 8000).await);

    let (_, processes) = sh(&two, "ps ax -o args | grep -c [h]ttp.server").await;
    assert_eq!(processes.trim(), "0");
    let (_, processes) = sh(&two, "ls /proc | grep -c '^[0-9]'").await;
    assert!(
        processes.trim().parse::<u32>().expect("a number") < 10,
        "{processes}"
    );
    // Users of their own on the host, too.
    let owner = |id: &str| {
        place
            .path(&format!("{id}-workspace"))
            .metadata()
            .expect("it is there")
            .uid()
    };
    assert_ne!(owner("one"), owner("two"));
    sh(&one, "echo mine > /workspace/file").await;
    assert_eq!(
        place
            .path("one-workspace/file")
            .metadata()
            .expect("written")
            .uid(),
        owner("one")
    );
    end(&*spawner, &["one", "two"]).await;
}

async fn end(spawner: &dyn Spawner, ids: &[&str]) {
    for id in ids {
        spawner.stop(id).await.expect("stops");
        spawner.release(id).await.expect("releases");
    }
    spawner.shutdown().await;
}

#[tokio::test]
async fn the_hosts_files_are_not_there() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let sandbox = place.start(&*spawner, "one", Network::None).await;
    let secret = place.path("secret");
    std::fs::write(&secret, "secret").expect("written");
    for path in [
        secret.to_str().expect("text"),
        "/etc/shadow",
        "/root/.bashrc",
        "/run/alcove",
        "/var",
        "/sys",
        "/boot",
    ] {
        let (code, text) = sh(&sandbox, &format!("ls -d {path}")).await;
        assert_ne!(code, 0, "{path} is visible: {text}");
    }
    let (_, text) = sh(
        &sandbox,
        "cat /etc/passwd; id -u; hostname; grep Cap /proc/self/status",
    )
    .await;
    assert!(
        text.contains("user:x:1000") && text.contains("\n1000\nrepl\n"),
        "{text}"
    );
    assert!(
        text.contains("CapEff:\t0000000000000000") && text.contains("CapBnd:\t0000000000000000"),
        "{text}"
    );
    for command in [
        "touch /usr/x",
        "touch /x",
        "touch /etc/x",
        "echo x > /opt/alcove",
    ] {
        assert_ne!(sh(&sandbox, command).await.0, 0, "{command} worked");
    }
    for command in [
        "touch /workspace/x",
        "touch ~/x",
        "touch /tmp/x",
        "touch /dev/shm/x",
    ] {
        assert_eq!(sh(&sandbox, command).await.0, 0, "{command} failed");
    }
    end(&*spawner, &["one"]).await;
}

#[tokio::test]
async fn the_host_is_out_of_reach_and_without_network_everything_is() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    // On all addresses of this machine.
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let inside = place.start(&*spawner, "one", Network::Internet).await;
    let alone = place.start(&*spawner, "two", Network::None).await;
    let addresses = host("hostname", &["-I"]);
    let mut tried = 0;
    let own = addresses.split_whitespace().filter(|a| !a.contains(':'));
    for address in own.chain(["10.0.2.2", "10.213.255.254", "127.0.0.1"]) {
        for sandbox in [&inside, &alone] {
            assert!(
                !reaches(sandbox, address, port).await,
                "{} reaches {address}",
                sandbox.id
            );
            tried += 1;
        }
    }
    assert!(tried >= 6);
    // Names are found through the router; the resolver itself is the host's affair.
    let (_, interfaces) = sh(
        &alone,
        "ls /sys/class/net 2>/dev/null; cat /proc/net/dev | grep -c :",
    )
    .await;
    assert_eq!(interfaces.trim(), "1", "more than a loopback");
    let (_, resolver) = sh(&inside, "cat /etc/resolv.conf").await;
    assert!(resolver.contains("10.0.2.3"), "{resolver}");
    end(&*spawner, &["one", "two"]).await;
}

#[tokio::test]
async fn limits_stop_programs_but_not_the_runner() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    assert!(spawner.limits(), "this machine has control groups");
    let limits = Limits {
        memory: 128 << 20,
        processes: 40,
        cpu_weight: 100,
        tmp: 16 << 20,
        disk: None,
    };
    let spec = SandboxSpec {
        limits,
        ..place.spec(&*spawner, "one", Network::None).await
    };
    let sandbox = spawner.start(&spec).await.expect("starts");

    let (code, _) = python(&sandbox, "x = bytearray(400 << 20)").await;
    assert_ne!(code, 0, "400 MB fit in 128");
    let usage = spawner.usage("one").await.expect("it is counted");
    assert!(usage.killed >= 1 && usage.memory < 128 << 20, "{usage:?}");
    assert!(usage.processes <= 40 && usage.refused == 0, "{usage:?}");
    assert!(usage.cpu > std::time::Duration::ZERO, "{usage:?}");
    assert_eq!(sh(&sandbox, "echo alive").await.1, "alive\n");

    // A bounded bomb: 200 children that wait until all are tried.
    let bomb = "import os, signal\nn = 0\nkids = []\nfor i in range(200):\n  try:\n    pid = os.fork()\n  \
                except OSError:\n    break\n  if pid == 0:\n    signal.pause()\n  kids.append(pid)\n\
                print(len(kids))\nfor kid in kids:\n  os.kill(kid, 9)";
    let (_, started) = python(&sandbox, bomb).await;
    let started: u32 = started.trim().parse().expect("a number");
    assert!(started <= 40, "{started} processes were started");
    assert!(spawner.usage("one").await.expect("it is counted").refused >= 1);
    assert_eq!(sh(&sandbox, "echo alive").await.1, "alive\n");

    let (code, text) = sh(&sandbox, "head -c 32M /dev/zero > /tmp/big").await;
    assert!(code != 0 && text.contains("No space"), "{text}");
    end(&*spawner, &["one"]).await;
}

#[tokio::test]
async fn denied_system_calls_fail_and_usual_ones_work() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let sandbox = place.start(&*spawner, "one", Network::None).await;
    for command in [
        "unshare -U true",
        "unshare -r true",
        "unshare -n true",
        "mount -t tmpfs x /tmp",
        "umount /tmp",
        "prlimit --pid 1 --cpu=1",
        "chroot / true",
        "nsenter -t 1 -U true",
    ] {
        let (code, text) = sh(&sandbox, command).await;
        assert_ne!(code, 0, "{command} worked: {text}");
    }
    // clone(CLONE_NEWUSER), clone3, io_uring_setup, bpf by number (x86-64), and x32's getpid.
    #[cfg(target_arch = "x86_64")]
    for (call, arguments, error) in [
        (56, "0x10000011, 0, 0, 0, 0", 1),
        (435, "0, 0", 38),
        (425, "1, 0", 1),
        (321, "0, 0, 0", 1),
        (0x4000_0027, "0", 38),
    ] {
        let program = format!(
            "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nc.syscall({call}, {arguments})\nprint(ctypes.get_errno())"
        );
        assert_eq!(
            python(&sandbox, &program).await.1.trim(),
            error.to_string(),
            "call {call}"
        );
    }
    let (code, text) = sh(&sandbox, "ulimit -n 256 && python3 -c 'import threading; t = threading.Thread(target=print); t.start(); t.join()'").await;
    assert_eq!(code, 0, "{text}");
    end(&*spawner, &["one"]).await;
}

/// All that could remain on the host.
fn traces(place: &Place, name: &str) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("readable");
    let mounts: Vec<&str> = mounts
        .lines()
        .filter(|l| l.contains(name) || l.contains("alcove/stage"))
        .collect();
    let groups = host(
        "find",
        &["/sys/fs/cgroup", "-type", "d", "-name", &format!("{name}*")],
    );
    let namespaces = host("ip", &["netns", "list"]);
    let namespaces: Vec<&str> = namespaces.lines().filter(|l| l.contains(name)).collect();
    let processes = host("pgrep", &["-fa", name]);
    let run = format!("/run/alcove/{}", name.trim_start_matches("alcove-"));
    let run = host("find", &[&run, "-name", "*.sock"]);
    let records = host(
        "find",
        &[place.path("state").to_str().expect("text"), "-type", "f"],
    );
    let users = host(
        "grep",
        &[
            "-rl",
            place.path("").to_str().expect("text"),
            "/run/alcove/uids",
        ],
    );
    format!("{mounts:?}{groups}{namespaces:?}{processes}{run}{records}{users}")
}

#[tokio::test]
async fn nothing_is_left_on_the_host() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let sandbox = place.start(&*spawner, "one", Network::Internet).await;
    let name = sandbox
        .socket
        .parent()
        .expect("a folder")
        .file_name()
        .expect("a name")
        .to_str()
        .expect("text")
        .to_owned();
    let name = format!("alcove-{name}");
    assert!(
        traces(&place, &name).contains(&name),
        "the test sees what is there"
    );
    assert!(
        !traces(&place, &name).contains("alcove/stage"),
        "the stage is seen on the host"
    );
    ask(&sandbox.socket, json!({ "leave": "exec sleep 1000" })).await;
    end(&*spawner, &["one"]).await;
    assert_eq!(traces(&place, &name), "[][]");
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_and_says_why() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let mut spec = place.spec(&*spawner, "one", Network::Internet).await;
    spec.workspace = place.path("missing");
    spawner
        .start(&spec)
        .await
        .expect_err("there is no such folder");
    assert!(spawner.list().await.expect("lists").is_empty());
    end(&*spawner, &["one"]).await;
}

#[tokio::test]
async fn the_network_comes_back_when_its_router_dies() {
    let place = Place::new();
    let spawner = place.sandboxes().await;
    let sandbox = place.start(&*spawner, "one", Network::Internet).await;
    let record = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(place.path("state/router.json")).expect("a record"))
            .expect("JSON")
    };
    let first = record()["uplink"]["pid"].as_u64().expect("a pid");
    host("kill", &["-KILL", &first.to_string()]);
    let replaced = async {
        while record()["uplink"]["pid"].as_u64() == Some(first) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(common::DEADLINE, replaced)
        .await
        .expect("slirp4netns is started again");
    // What it forwards to the host's resolver comes back: a query for the root's name servers.
    let program = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.settimeout(10)\n\
                   s.sendto(bytes.fromhex(\"abcd01000001000000000000\") + bytes([0, 0, 2, 0, 1]), (\"10.0.2.3\", 53))\n\
                   print(s.recv(512)[:2].hex())";
    assert_eq!(python(&sandbox, program).await.1.trim(), "abcd");
    end(&*spawner, &["one"]).await;
}

/// The server dies between two steps of a start: the record says less than is there.
#[tokio::test]
async fn a_crash_in_the_middle_of_a_start_is_cleaned_up() {
    for known in [&[][..], &["monitor"], &["monitor", "first"]] {
        let place = Place::new();
        let spawner = place.sandboxes().await;
        let sandbox = place.start(&*spawner, "one", Network::Internet).await;
        let folder = sandbox
            .socket
            .parent()
            .expect("a folder")
            .file_name()
            .expect("a name");
        let name = format!("alcove-{}", folder.to_str().expect("text"));
        drop(spawner);
        let path = place.path("state/sandboxes/one.json");
        let mut record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).expect("a record")).expect("JSON");
        for field in ["monitor", "first"] {
            if !known.contains(&field) {
                record[field] = serde_json::Value::Null;
            }
        }
        std::fs::write(&path, record.to_string()).expect("written");
        let spawner = place.sandboxes().await;
        assert_eq!(spawner.list().await.expect("lists").len(), 1);
        end(&*spawner, &["one"]).await;
        // It has been killed; its entry goes when its parent, killed too, has been reaped.
        let process = format!("/proc/{}", sandbox.pid);
        let gone = async {
            while std::path::Path::new(&process).exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(common::DEADLINE, gone)
            .await
            .unwrap_or_else(|_| panic!("{known:?}: it is still there"));
        assert_eq!(traces(&place, &name), "[][]", "{known:?}");
    }
}
