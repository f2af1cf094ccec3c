"""What is tried within the virtual machine, stage by stage; `make test-machine` boots it, and says which stage.

Each line that it prints is a check (`ok NAME`, `FAIL NAME: WHY`), a note (`# TEXT`) or the end of a stage.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path("/var/lib/alcove")
# Where the two repls are noted, from one boot to the next.
NOTED = Path("/root/repls.json")
TOKEN = "of-the-machine"
# Of one repl's programs, and of its runner.
MEMORY, PROCESSES = 256 << 20, 64
RUNNER_MEMORY, RUNNER_PROCESSES = 512 << 20, 64
SETTINGS = f"""\
ALCOVE_TOKEN={TOKEN}
ALCOVE_MEMORY={MEMORY}
ALCOVE_PROCESSES={PROCESSES}
ALCOVE_DISK=256MiB
ALCOVE_PREPARE_TEMPLATES=false
ALCOVE_WARM=0
"""
# The processor is made of software, perhaps.
DEADLINE_S = 120
TICKING = "n=0; while :; do n=$((n+1)); echo $n > ticks; sleep 0.2; done\n"
# Starts processes until none can be started, and says how many there were, and why there were no more.
FORK_BOMB = """\
import os, errno, signal
children = []
try:
    while len(children) < 1000:
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        children.append(child)
    said = "no end"
except OSError as error:
    said = errno.errorcode[error.errno]
for child in children:
    os.kill(child, signal.SIGKILL)
print(said, len(children))
"""


def say(line: str) -> None:
    print(line.replace("\n", " | "), flush=True)


def check(name: str, is_so: object, why: object = "") -> None:
    say(f"ok {name}" if is_so else f"FAIL {name}: {why}")


def run(*command: str, fails: bool = False) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)
    if done.returncode and not fails:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stdout}")
    return done.stdout


def until(what: str, look: Callable[[], object]) -> object:
    """What `look` gives once it is something; what it raises counts as nothing."""
    end = time.monotonic() + DEADLINE_S
    why: object = "nothing"
    while time.monotonic() < end:
        try:
            if found := look():
                return found
            why = found
        except (OSError, RuntimeError, http.client.HTTPException, KeyError, ValueError) as error:
            why = repr(error)
        time.sleep(0.1)
    raise RuntimeError(f"{what}: not after {DEADLINE_S} s: {why}")


def asked(connection: http.client.HTTPConnection, method: str, path: str, body: object, headers: dict) -> bytes:
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers = {**headers, "content-type": "application/json"}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {path}: {answer.status} {said.decode(errors='replace')}")
    return said


def api(method: str, path: str, body: object = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=DEADLINE_S)
    return asked(connection, method, path, body, {"authorization": f"Bearer {TOKEN}"})


def state(repl: str) -> dict:
    return json.loads(api("GET", f"/api/repls/{repl}"))["state"]


def record(repl: str) -> dict:
    return json.loads((DATA / f"sandboxes/sandboxes/{repl}.json").read_text())


def inside(repl: str, command: str) -> tuple[int, str]:
    """Runs a command in a repl, by its runner's socket; its exit code, and what it wrote."""
    connection = http.client.HTTPConnection("runner", timeout=DEADLINE_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(DEADLINE_S)
    connection.sock.connect(record(repl)["socket"])
    said, _, code = asked(connection, "POST", "/run", {"command": command}, {}).rpartition(b"\0")
    return int(code.split()[1]), said.decode(errors="replace")


def new_repl(name: str, program: str) -> str:
    repl = json.loads(api("POST", "/api/repls", {"template": "blank", "name": name}))["id"]
    api("POST", f"/api/repls/{repl}/start")
    api("PUT", f"/api/repls/{repl}/files/main.sh?overwrite=true", program.encode())
    return repl


def group(repl: str) -> Path:
    """That of its programs."""
    return next(Path(group) for group in record(repl)["cgroups"] if (Path(group) / "programs").exists())


def read(path: Path) -> str:
    return path.read_text().strip()


def programs(repl: str) -> list[int]:
    return [int(pid) for pid in read(group(repl) / "programs/cgroup.procs").split()]


def birth(pid: int) -> str:
    """Together with its number it is a process, and no later one."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def called(pid: int) -> bytes:
    """How it was called; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def server() -> int:
    return int(run("systemctl", "show", "--property=MainPID", "--value", "alcove"))


def is_ready() -> bool:
    return api("GET", "/readyz").strip() == b"ready"


def doctor() -> None:
    said = run("/usr/local/bin/alcove", "doctor", fails=True)
    for line in said.splitlines():
        say(f"# {line}")
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    check("doctor finds control groups of version 2", "version 2: memory and processes can be limited" in said)
    check("doctor starts a sandbox with network", re.search(r"trial sandbox with network\s+started", said), said)


def installed() -> None:
    """As the unit's head says."""
    for unit in "alcove.service", "alcove-repls.service":
        run("install", "-m", "644", str(HERE / unit), "/etc/systemd/system/")
    Path("/etc/alcove.env").write_text(SETTINGS)
    Path("/etc/alcove.env").chmod(0o600)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "alcove")
    until("/readyz", is_ready)
    journal = until("the sign-in address", lambda: re.search("http://.*/sign-in.*", run("journalctl", "-u", "alcove")))
    check("the unit starts, and its journal has the sign-in address", journal)


def limits(repl: str) -> None:
    above = group(repl)
    place = str(above.parent.parent)
    check("repls' groups are in those of alcove-repls.service", place == "/sys/fs/cgroup/system.slice/alcove-repls.service", place)
    wanted = {
        "cpu.weight": 100,
        "programs/memory.max": MEMORY,
        "programs/memory.swap.max": 0,
        "programs/pids.max": PROCESSES,
    }
    found = {name: read(above / name) for name in wanted}
    check("a repl's group and its programs' have their limits", found == {k: str(v) for k, v in wanted.items()}, found)
    check("while two repls run, programs yield processors to what is beside them", read(above.parent / "cpu.idle") == "1")
    check("shares of disks are handed down to repls", "io" in read(above / "cgroup.controllers").split())
    # Each is there where the kernel has its policy: iocost, BFQ.
    weights = {name: read(above / name) for name in ("io.weight", "io.bfq.weight") if (above / name).exists()}
    check("a repl has its share of disks", all(text == "default 100" for text in weights.values()), weights)
    keeper = run("systemctl", "show", "--property=MainPID", "--value", "alcove-repls").strip()
    check("a full memory never ends the unit of repls", read(Path(f"/proc/{keeper}/oom_score_adj")) == "-1000")
    runner = Path(f"/proc/{record(repl)['first']['pid']}/cgroup").read_text().strip()
    apart = f"{above.parent.name.removesuffix('-programs')}/{above.name}/runner"
    check("the runner is in a group apart from its programs", runner.endswith(f"/{apart}"), runner)
    wanted = {"memory.max": RUNNER_MEMORY, "pids.max": RUNNER_PROCESSES}
    found = {name: read(above.parent.parent / apart / name) for name in wanted}
    check("the runner has its own limits", found == {k: str(v) for k, v in wanted.items()}, found)
    quota = read((above.parent.parent / apart).parent / "cpu.max")
    check("the runner never has more than one processor", quota == "100000 100000", quota)


def memory_bomb(repl: str) -> None:
    runner = record(repl)["first"]
    take = "python3 -c 'import sys; print(len(bytearray(int(sys.argv[1]))))' "
    code, said = inside(repl, take + str(MEMORY // 4))
    check("control: a program may take a part of the memory", code == 0, said)
    code, said = inside(repl, take + str(MEMORY * 2))
    check("a program that takes more than there is is killed", code == 128 + signal.SIGKILL, (code, said))
    check("its runner is not", birth(runner["pid"]) == str(runner["start"]) and inside(repl, "true")[0] == 0)
    killed = until("the API tells of it", lambda: state(repl)["resources"]["killed"])
    check("the API tells that the memory was full", killed == 1, killed)


def fork_bomb(repl: str) -> None:
    api("PUT", f"/api/repls/{repl}/files/bomb.py", FORK_BOMB.encode())
    code, said = inside(repl, "python3 bomb.py")
    why, count = said.split()
    check("a fork bomb ends at the limit", code == 0 and why == "EAGAIN" and 0 < int(count) < PROCESSES, said)
    check("the runner starts programs as before", inside(repl, "true")[0] == 0)
    refused = until("the API tells of it", lambda: state(repl)["resources"]["refused"])
    check("the API tells that there were too many processes", refused > 0)


def figures(repl: str) -> None:
    inside(repl, "sh -c 'echo $$ > hog; while :; do :; done' > /dev/null 2>&1 &")

    def cpu() -> int:
        return int(re.search(rf'alcove_repl_cpu_percent{{repl="{repl}"}} (\d+)', api("GET", "/metrics").decode())[1])

    check("metrics tell how much of a processor a repl takes", until("a busy repl", cpu))
    text = api("GET", "/metrics").decode()
    memory = re.search(rf'alcove_repl_memory_bytes{{repl="{repl}"}} (\d+)', text)
    check("metrics tell how much memory a repl takes", memory and 0 < int(memory[1]) < MEMORY, memory)
    inside(repl, "kill $(cat hog)")


def goes_on(what: str, before: list[tuple[int, str]], busy: str, idle: str) -> None:
    """All that ran does so, under a server that knows it."""
    until("/readyz", is_ready)
    until("the repls are taken over", lambda: all(state(repl)["phase"] == "running" for repl in (busy, idle)))
    there = programs(busy)
    after = [(pid, start) for pid, start in before if pid in there and birth(pid) == start]
    check(f"{what}: programs go on", after == before, (before, after))
    ticks = int(inside(busy, "cat ticks")[1])
    check(f"{what}: the program still works", until("a tick", lambda: int(inside(busy, "cat ticks")[1] or 0) > ticks))
    code, said = inside(idle, "cat /proc/self/cgroup; true")
    check(f"{what}: a repl in which nothing ran starts programs", code == 0, (code, said))
    found = read(group(idle) / "programs/memory.max"), read(group(idle) / "programs/pids.max")
    check(f"{what}: their limits are as before", found == (str(MEMORY), str(PROCESSES)), found)


def restarts(busy: str, idle: str) -> None:
    # The command that ticks stays, what it calls comes and goes.
    before = [(pid, birth(pid)) for pid in programs(busy) if b"main.sh" in called(pid)]
    check("control: a program runs, and in the other repl none", before and not programs(idle), before)
    first = server()
    run("systemctl", "restart", "alcove")
    goes_on("systemctl restart", before, busy, idle)
    second = server()
    os.kill(second, signal.SIGKILL)
    until("another server", lambda: server() not in (0, first, second))
    goes_on("kill -9 of the server", before, busy, idle)
    run("systemctl", "stop", "alcove")
    run("systemctl", "daemon-reload")
    check("systemctl stop, daemon-reload: programs go on", all(birth(pid) == start for pid, start in before))
    run("systemctl", "start", "alcove")
    goes_on("systemctl stop, start", before, busy, idle)


def left() -> list[str]:
    """What is there of repls, and of the server."""
    groups = [str(path) for path in Path("/sys/fs/cgroup").rglob("*/") if re.search(r"/alcove-\w{8}(-programs)?(/|$)", str(path))]
    processes = run("sh", "-c", "grep --files-with-matches -sazE '[a]lcove|[s]lirp4netns' /proc/[0-9]*/cmdline", fails=True)
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if "alcove" in line]
    namespaces = os.listdir("/run/netns") if Path("/run/netns").exists() else []
    loops = run("losetup", "--noheadings", "--output", "BACK-FILE").split()
    return [*groups, *processes.split(), *mounts, *namespaces, *loops]


def drain(what: str, busy: str) -> None:
    """As operate.md says, with no server."""
    run("systemctl", "stop", "alcove")
    check(f"{what}: control: what goes on is found", any(busy in one for one in left()), left())
    run("sh", "-c", "set -a; . /etc/alcove.env; alcove drain --data-dir /var/lib/alcove")
    # A loop device goes a moment after what was mounted of it.
    end = time.monotonic() + DEADLINE_S
    while (there := left()) and time.monotonic() < end:
        time.sleep(0.2)
    check(f"{what}: drain leaves nothing on the machine", not there, there)


def stage_install() -> None:
    run("install", "-m", "755", str(HERE / "alcove"), "/usr/local/bin/")
    doctor()
    installed()
    busy, idle = new_repl("busy", TICKING), new_repl("idle", "")
    NOTED.write_text(json.dumps([busy, idle]))
    limits(idle)
    memory_bomb(idle)
    fork_bomb(idle)
    figures(idle)
    api("POST", f"/api/repls/{busy}/start?run=true")
    until("it ticks", lambda: inside(busy, "cat ticks")[0] == 0)
    until("it is quiet", lambda: not programs(idle))
    restarts(busy, idle)
    drain("install", busy)
    run("systemctl", "start", "alcove")
    until("/readyz", is_ready)
    api("PATCH", f"/api/repls/{busy}", {"settings": {"keep_alive": True}})
    api("POST", f"/api/repls/{busy}/start?run=true")
    api("POST", f"/api/repls/{idle}/start")
    until("it runs", lambda: state(busy)["running"])
    # The server saves nothing from now on.
    os.kill(server(), signal.SIGSTOP)
    for repl in busy, idle:
        inside(repl, "echo precious > unsaved")
    os.sync()


def came_back(what: str, name: str, busy: str, idle: str) -> None:
    until("/readyz", is_ready)
    check(f"{what}: the unit starts by itself", server())
    until("the repl that is kept alive runs", lambda: state(busy)["phase"] == "running" and state(busy)["running"])
    ticks = until("it ticks", lambda: int(inside(busy, "cat ticks")[1]))
    check(f"{what}: what is kept alive works again", until("a tick", lambda: int(inside(busy, "cat ticks")[1] or 0) > ticks))
    for repl in busy, idle:
        saved = until("it is saved", lambda repl=repl: api("GET", f"/api/repls/{repl}/history/latest/files/{name}"))
        check(f"{what}: what was not saved is in the store", saved == b"precious\n", saved)
        kept = api("GET", f"/api/repls/{repl}/history/latest/files/README.md")
        states = json.loads(api("GET", f"/api/repls/{repl}/history"))["states"]
        removed = [state for state in states if state["removed"]]
        check(f"{what}: and what was saved before still is, and was never gone", kept and not removed, removed)
    check(f"{what}: the other repl rests", state(idle)["phase"] == "stopped", state(idle))


def stage_power_cut() -> None:
    busy, idle = json.loads(NOTED.read_text())
    came_back("power cut", "unsaved", busy, idle)
    api("POST", f"/api/repls/{idle}/start")
    for repl in busy, idle:
        inside(repl, "echo precious > at-the-last-moment")
    run("systemctl", "reboot", "--no-block")


def stage_reboot() -> None:
    busy, idle = json.loads(NOTED.read_text())
    came_back("reboot", "at-the-last-moment", busy, idle)
    drain("reboot", busy)
    run("systemctl", "poweroff", "--no-block")


def main() -> None:
    stage = re.search(r"alcove\.stage=(\S+)", Path("/proc/cmdline").read_text())[1]
    say(f"# {stage}: Linux {os.uname().release}, {run('systemctl', '--version').splitlines()[0]}")
    try:
        {"install": stage_install, "power-cut": stage_power_cut, "reboot": stage_reboot}[stage]()
    except Exception:
        say(f"FAIL {stage}: {traceback.format_exc()}")
        for line in run("journalctl", "-u", "alcove", "-n", "60", "--no-pager", fails=True).splitlines():
            say(f"# {line}")
    say(f"end of {stage}")


main()
