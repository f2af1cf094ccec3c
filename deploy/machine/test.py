"""Tries deploy/alcove.service in a virtual machine with systemd and control groups of version 2.

Boots Debian three times from one disk: after the first it has its power cut, after the second it reboots.
What is tried there is in inside.py. Needs qemu, debootstrap and root; all it writes is in target/machine.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "target/machine"
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "debootstrap": "debootstrap",
    "mkfs.ext4": "e2fsprogs",
}
RELEASE = "bookworm"
PACKAGES = (
    "systemd systemd-sysv dbus udev kmod linux-image-cloud-amd64 "
    "bubblewrap slirp4netns nftables iproute2 e2fsprogs util-linux python3"
).split()
# Starts inside.py, whose lines come by the second serial port; the first is the console.
SERVICE = """\
[Unit]
Description=What is tried in this machine
After=multi-user.target
[Service]
ExecStartPre=mount --mkdir --read-only /dev/vdb /media/test
ExecStart=python3 /media/test/inside.py
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
[Install]
WantedBy=graphical.target
"""
# Of one boot with all that is tried in it.
DEADLINE_S = 600


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def disk(image: Path, folder: Path, size: str) -> None:
    """A file system with what is in a folder, and under its name only once it is whole."""
    new = image.with_suffix(".new")
    new.unlink(missing_ok=True)
    run("mkfs.ext4", "-q", "-F", "-d", folder, "-E", "root_owner=0:0", new, size)
    new.rename(image)


def system() -> Path:
    """The system's disk, made once for each list of packages."""
    recipe = " ".join([RELEASE, *PACKAGES, SERVICE])
    made = PLACE / f"system-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if not (made / "disk.img").exists():
        shutil.rmtree(made, ignore_errors=True)
        root = made / "root"
        root.mkdir(parents=True)
        print(f"Debian {RELEASE} is fetched into {root}", flush=True)
        with (made / "debootstrap.log").open("w") as log:
            command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(root)]
            subprocess.run(command, stdout=log, check=True)
        (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
        (root / "etc/hostname").write_text("machine\n")
        (root / "etc/systemd/system/try.service").write_text(SERVICE)
        run("chroot", root, "systemctl", "--quiet", "enable", "try.service")
        for name in "vmlinuz", "initrd.img":
            shutil.copy(next((root / "boot").glob(f"{name}-*")), made / name)
        disk(made / "disk.img", root, "8G")
        shutil.rmtree(root)
    return made


def accelerator() -> list[str]:
    """The processor's own, where it has one: /dev/kvm alone may be there without."""
    flags = Path("/proc/cpuinfo").read_text().split()
    if os.access("/dev/kvm", os.W_OK) and ("vmx" in flags or "svm" in flags):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def boot(stage: str, kernel: Path, cut: bool) -> tuple[int, int]:
    """How many checks were passed, and how many not. Ends by itself, or with its power cut."""
    console = PLACE / f"console-{stage}.log"
    command = ["qemu-system-x86_64", *accelerator(), "-smp", "2", "-m", "2048", "-nodefaults", "-no-reboot"]
    command += ["-display", "none", "-serial", f"file:{console}", "-serial", "stdio"]
    command += ["-kernel", kernel / "vmlinuz", "-initrd", kernel / "initrd.img"]
    command += ["-append", f"root=/dev/vda rw console=ttyS0 alcove.stage={stage}"]
    for name in "disk.img", "cargo.img":
        command += ["-drive", f"file={PLACE / name},if=virtio,format=raw"]
    print(f"== {stage} ({command[2]})", flush=True)
    began = time.monotonic()
    machine = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    late = Timer(DEADLINE_S, machine.kill)
    late.start()
    passed = failed = 0
    is_whole = False
    try:
        for line in machine.stdout:
            text = line.decode(errors="replace").strip()
            print(f"{time.monotonic() - began:6.1f}  {text}", flush=True)
            passed += text.startswith("ok ")
            failed += text.startswith("FAIL ")
            if text == f"end of {stage}":
                is_whole = True
                if cut:
                    machine.kill()
        machine.wait()
    finally:
        late.cancel()
        machine.kill()
        machine.wait()
    if not is_whole:
        print(f"FAIL {stage} did not come to its end within {DEADLINE_S} s: see {console}", flush=True)
    return passed, failed + (not is_whole)


def main() -> None:
    # Whoever ends this ends the machine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"Missing system packages. Install them: sudo apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit("debootstrap makes a system's files, which root alone can: sudo make test-machine")
    kernel = system()
    cargo = PLACE / "cargo"
    shutil.rmtree(cargo, ignore_errors=True)
    cargo.mkdir()
    for file in "target/debug/alcove", "deploy/alcove.service", "deploy/alcove-repls.service", "deploy/machine/inside.py":
        shutil.copy(ROOT / file, cargo)
    disk(PLACE / "cargo.img", cargo, "1G")
    run("cp", "--sparse=always", kernel / "disk.img", PLACE / "disk.img")
    began = time.monotonic()
    passed = failed = 0
    for stage, cut in ("install", True), ("power-cut", False), ("reboot", False):
        results = boot(stage, kernel, cut)
        passed, failed = passed + results[0], failed + results[1]
        # What comes next begins with what this one leaves.
        if failed:
            break
    print(f"{passed} passed, {failed} failed, in {time.monotonic() - began:.0f} s")
    sys.exit(failed > 0)


main()
