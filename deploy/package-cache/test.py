"""Tries nginx.conf with the real clients: registries of this process, five people at once, one download each.

Needs nginx, npm, pip, cargo and openssl. Everything is on the loopback, in a folder that goes again.
"""

import base64
import contextlib
import hashlib
import http.client
import http.server
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PEOPLE = 5
DEADLINE_S = 60
# Toolchains are everybody's, what they fetch is not.
RUSTUP = os.environ.get("RUSTUP_HOME", Path.home() / ".rustup")


def archive_of(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def npm_package() -> bytes:
    return archive_of({"package/package.json": json.dumps({"name": "tiny", "version": "1.0.0"})})


def cargo_manifest(name: str, more: str = "") -> str:
    return f'[package]\nname = "{name}"\nversion = "1.0.0"\nedition = "2021"\n{more}'


def crate() -> bytes:
    return archive_of({"tiny-1.0.0/Cargo.toml": cargo_manifest("tiny"), "tiny-1.0.0/src/lib.rs": "pub const ONE: u8 = 1;"})


def listed_crate() -> bytes:
    """Its line in crates.io's index."""
    digest = hashlib.sha256(CRATE).hexdigest()
    line = {"name": "tiny", "vers": "1.0.0", "deps": [], "cksum": digest, "features": {}, "yanked": False}
    return json.dumps(line).encode()


def wheel() -> bytes:
    out = io.BytesIO()
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


TARBALL, WHEEL, CRATE = npm_package(), wheel(), crate()
asked: Counter = Counter()
unchanged: Counter = Counter()
secrets: list[str] = []
is_away = threading.Event()


class Registry(http.server.BaseHTTPRequestHandler):
    """Answers for all registries: nginx.conf's addresses lead here."""

    def do_GET(self) -> None:
        asked[self.path] += 1
        secrets.extend(self.headers[name] for name in ("authorization", "cookie") if self.headers[name])
        digest = base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
        dist = {
            "tarball": "https://registry.npmjs.org/tiny/-/tiny-1.0.0.tgz",
            "integrity": f"sha512-{digest}",
        }
        version = {"name": "tiny", "version": "1.0.0", "dist": dist}
        listed = {"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        link = "https://files.pythonhosted.org/packages/tiny-1.0-py3-none-any.whl"
        answers = {
            "/tiny": ("application/json", json.dumps(listed).encode()),
            "/tiny/-/tiny-1.0.0.tgz": ("application/octet-stream", TARBALL),
            "/simple/tiny/": ("text/html", f'<a href="{link}">tiny-1.0-py3-none-any.whl</a>'.encode()),
            "/packages/tiny-1.0-py3-none-any.whl": ("application/octet-stream", WHEEL),
            "/ti/ny/tiny": ("text/plain", listed_crate()),
            "/crates/tiny/1.0.0/download": ("application/gzip", CRATE),
            "/some/mod/@v/list": ("text/plain", b"v1.0.0\n"),
        }
        kind, body = answers.get(self.path, ("text/plain", b""))
        # Five who ask at once do ask at once.
        time.sleep(0.3)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        status = 500 if is_away.is_set() else 200 if body else 404
        if status == 200 and self.headers["if-none-match"] == tag:
            unchanged[self.path] += 1
            status, body = 304, b""
        self.send_response(status)
        self.send_header("etag", tag)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", "theirs=1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configured(port: int, tls: int, registry: int, lists: str) -> str:
    text = (Path(__file__).parent / "nginx.conf").read_text()
    with_tls = f"listen 127.0.0.1:{tls} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;"
    text = text.replace("listen 127.0.0.1:4880;", f"listen 127.0.0.1:{port}; {with_tls}")
    text = text.replace("proxy_cache_valid 200 5m;", f"proxy_cache_valid 200 {lists};")
    lines = []
    for line in text.splitlines():
        if "proxy_pass https:" in line:
            start, rest = line.split("https://")
            path = rest[rest.index("/") :] if "/" in rest else ";"
            line = f"{start}http://127.0.0.1:{registry}{path}"
        lines.append(line)
    return "\n".join(lines)


def all_at_once(command: list[str], folder: Path) -> None:
    """The same for each of the people, in a folder of their own."""
    running = []
    for person in range(PEOPLE):
        home = folder / str(person)
        home.mkdir(parents=True)
        (home / "package.json").write_text("{}")
        (home / "Cargo.toml").write_text(cargo_manifest("mine", '[dependencies]\ntiny = "1"\n'))
        (home / "src").mkdir()
        (home / "src/main.rs").write_text("fn main() { assert_eq!(tiny::ONE, 1); }")
        own = {"HOME": home, "npm_config_cache": home / "cache", "CARGO_HOME": home / ".cargo", "RUSTUP_HOME": RUSTUP}
        environment = {**os.environ, **{name: str(path) for name, path in own.items()}}
        running.append(subprocess.Popen(command, cwd=home, env=environment))
    for process in running:
        assert process.wait(DEADLINE_S) == 0, command


def answer(
    port: int, path: str, method: str = "GET", headers: dict | None = None, context: ssl.SSLContext | None = None
) -> tuple[int, bytes, str | None]:
    if context:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE_S, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    connection.request(method, path, headers=headers or {})
    got = connection.getresponse()
    return got.status, got.read(), got.getheader("set-cookie")


def tried(port: int, tls: int, folder: Path) -> None:
    npm = ["npm", "install", "--no-audit", "--no-fund", "--registry", f"http://127.0.0.1:{port}/npm/", "tiny"]
    all_at_once(npm, folder / "npm")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check", "--isolated"]
    all_at_once([*pip, "-i", f"http://127.0.0.1:{port}/pypi/simple/", "tiny"], folder / "pip")
    (folder / "cargo/.cargo").mkdir(parents=True)
    # As Alcove has it in a sandbox's root folder.
    mirror = f'replace-with = "alcove"\n[source.alcove]\nregistry = "sparse+http://127.0.0.1:{port}/crates/index/"'
    (folder / "cargo/.cargo/config.toml").write_text(f"[source.crates-io]\n{mirror}")
    all_at_once(["cargo", "run", "--quiet"], folder / "cargo")
    for path in (
        "/tiny",
        "/tiny/-/tiny-1.0.0.tgz",
        "/simple/tiny/",
        "/packages/tiny-1.0-py3-none-any.whl",
        "/ti/ny/tiny",
        "/crates/tiny/1.0.0/download",
    ):
        assert asked[path] == 1, (path, asked)

    status, body, cookie = answer(port, "/go/some/mod/@v/list", headers={"authorization": "Bearer mine", "cookie": "mine=1"})
    assert (status, body, cookie) == (200, b"v1.0.0\n", None), (status, body, cookie)
    assert not secrets, secrets
    assert answer(port, "/npm/tiny", "POST")[0] == 405
    assert answer(port, "/elsewhere")[0] == 404
    assert [answer(port, "/npm/absent")[0] for _ in range(2)] == [404, 404]
    assert asked["/absent"] == 1, asked
    # The same file by other names would push out all others.
    for path in ("/npm/tiny/-/tiny-1.0.0.tgz", "/crates/files/tiny/1.0.0/download", "/crates/index/ti/ny/tiny"):
        assert answer(port, f"{path}?1")[0] == 404, path
    # Who came by TLS is led nowhere else.
    for path in ("/npm/tiny", "/pypi/simple/tiny/", "/crates/index/config.json"):
        text = answer(tls, path, context=ssl._create_unverified_context())[1].decode()
        assert f"https://127.0.0.1:{tls}/" in text and "http://" not in text, text


def until_asked_anew(port: int, path: str, counted: Counter, registrys_path: str) -> None:
    before, end = counted[registrys_path], time.monotonic() + DEADLINE_S
    while counted[registrys_path] == before:
        assert answer(port, path)[0] == 200 and time.monotonic() < end


def grown_old(port: int) -> None:
    index = "/crates/index/ti/ny/tiny"
    assert answer(port, index)[1] == listed_crate()
    until_asked_anew(port, index, unchanged, "/ti/ny/tiny")
    assert answer(port, index)[1] == listed_crate()
    # What is there is there without its registry, which was asked, since it is old by now.
    module = "/go/some/mod/@v/list"
    assert answer(port, module)[0] == 200
    is_away.set()
    until_asked_anew(port, module, asked, "/some/mod/@v/list")
    assert answer(port, module)[0] == 200
    assert answer(port, "/npm/other")[0] == 500


@contextlib.contextmanager
def cache(place: Path, registry: int, lists: str) -> Iterator[tuple[int, int]]:
    """nginx, with `lists` as the time that lists of versions hold; its ports, the second with TLS."""
    (place / "tmp").mkdir(parents=True)
    port, tls = free_port(), free_port()
    (place / "nginx.conf").write_text(configured(port, tls, registry, lists))
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    files = ["-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem")]
    subprocess.run([*certificate, *files], check=True, capture_output=True)
    nginx = subprocess.Popen(["nginx", "-e", "stderr", "-p", str(place), "-c", str(place / "nginx.conf")])
    try:
        end = time.monotonic() + DEADLINE_S
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert nginx.poll() is None and time.monotonic() < end, "nginx does not listen"
            time.sleep(0.05)
        yield port, tls
    finally:
        nginx.terminate()
        nginx.wait(DEADLINE_S)


def main() -> None:
    registry = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="alcove-package-cache-") as folder:
        place = Path(folder)
        # Its workers are another user's where it is started by root.
        place.chmod(0o755)
        with cache(place / "cache", registry.server_port, "5m") as (port, tls):
            tried(port, tls, place / "people")
        with cache(place / "old", registry.server_port, "1s") as (port, _):
            grown_old(port)
    print(f"{PEOPLE} people, one download of each package: ok")


main()
