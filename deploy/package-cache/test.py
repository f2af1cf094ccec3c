"""Tries nginx.conf with the real clients: registries of this process, five people at once, one download each.

Needs nginx, npm and pip. Everything is on the loopback, in a folder that goes again.
"""

import base64
import hashlib
import http.client
import http.server
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path

PEOPLE = 5
DEADLINE_S = 60


def npm_package() -> bytes:
    text = json.dumps({"name": "tiny", "version": "1.0.0"}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return out.getvalue()


def wheel() -> bytes:
    out = io.BytesIO()
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return out.getvalue()


TARBALL, WHEEL = npm_package(), wheel()
asked: Counter = Counter()
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
            "/some/mod/@v/list": ("text/plain", b"v1.0.0\n"),
        }
        kind, body = answers.get(self.path, ("text/plain", b""))
        # Five who ask at once do ask at once.
        time.sleep(0.3)
        self.send_response(500 if is_away.is_set() else 200 if body else 404)
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


def configured(port: int, registry: int) -> str:
    text = (Path(__file__).parent / "nginx.conf").read_text()
    text = text.replace("listen 127.0.0.1:4880;", f"listen 127.0.0.1:{port};")
    lines = []
    for line in text.splitlines():
        if "proxy_pass https:" in line:
            start, rest = line.split("https://")
            path = rest[rest.index("/") :] if "/" in rest else ";"
            line = f"{start}http://127.0.0.1:{registry}{path}"
        lines.append(line)
    # Go's lists, which are the last, grow old at once.
    before, after = "\n".join(lines).rsplit("proxy_cache_valid 200 5m;", 1)
    return f"{before}proxy_cache_valid 200 1s;{after}"


def all_at_once(command: list[str], folder: Path) -> None:
    """The same for each of the people, in a folder of their own."""
    running = []
    for person in range(PEOPLE):
        home = folder / str(person)
        home.mkdir(parents=True)
        (home / "package.json").write_text("{}")
        environment = {**os.environ, "HOME": str(home), "npm_config_cache": str(home / "cache")}
        running.append(subprocess.Popen(command, cwd=home, env=environment))
    for process in running:
        assert process.wait(DEADLINE_S) == 0, command


def answer(port: int, path: str, method: str = "GET", headers: dict | None = None) -> tuple[int, bytes, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    connection.request(method, path, headers=headers or {})
    got = connection.getresponse()
    return got.status, got.read(), got.getheader("set-cookie")


def tried(port: int, folder: Path) -> None:
    npm = ["npm", "install", "--no-audit", "--no-fund", "--registry", f"http://127.0.0.1:{port}/npm/", "tiny"]
    all_at_once(npm, folder / "npm")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--disable-pip-version-check", "--isolated"]
    all_at_once([*pip, "-i", f"http://127.0.0.1:{port}/pypi/simple/", "tiny"], folder / "pip")
    for path in (
        "/tiny",
        "/tiny/-/tiny-1.0.0.tgz",
        "/simple/tiny/",
        "/packages/tiny-1.0-py3-none-any.whl",
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
    assert answer(port, "/npm/tiny/-/tiny-1.0.0.tgz?1")[0] == 404
    # What is there is there without its registry, which was asked, since it is old by now.
    is_away.set()
    end = time.monotonic() + DEADLINE_S
    while asked["/some/mod/@v/list"] < 2:
        assert answer(port, "/go/some/mod/@v/list")[0] == 200 and time.monotonic() < end
    assert answer(port, "/go/some/mod/@v/list")[0] == 200
    assert answer(port, "/npm/other")[0] == 500


def main() -> None:
    registry = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="alcove-package-cache-") as folder:
        place = Path(folder)
        # Its workers are another user's where it is started by root.
        place.chmod(0o755)
        (place / "tmp").mkdir()
        (place / "nginx.conf").write_text(configured(port, registry.server_port))
        nginx = subprocess.Popen(["nginx", "-e", "stderr", "-p", folder, "-c", str(place / "nginx.conf")])
        try:
            end = time.monotonic() + DEADLINE_S
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                assert nginx.poll() is None and time.monotonic() < end, "nginx does not listen"
                time.sleep(0.05)
            tried(port, place)
        finally:
            nginx.terminate()
            nginx.wait(DEADLINE_S)
    print(f"{PEOPLE} people, one download of each package: ok")


main()
