"""A real nginx with deploy/nginx.conf before a hub: on loopback, with times of the test's choice."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import PATIENCE_SECONDS

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "nginx.conf"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_AROUND = """
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/nginx.log notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    {folders}
    include {home}/site.conf;
}}
"""


def program() -> str:
    # Not everybody's PATH has the folder of the system's servers.
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError("no nginx: install the package nginx-light (scripts/test does)")
    return found


def configured(home: Path, site: str) -> Path:
    """Write `site`, and around it what lets nginx run in `home`; return the file that nginx is given."""
    folders = "\n    ".join(f"{name}_temp_path {home}/{name};" for name in _TEMPORARY)
    (home / "site.conf").write_text(site)
    file = home / "nginx.conf"
    file.write_text(_AROUND.format(home=home, folders=folders))
    return file


def shipped(port: int, upstream: str, **times: str) -> str:
    """Return deploy/nginx.conf on a port of loopback without TLS, before `upstream`, with these `times`."""
    text = CONFIGURATION.read_text(encoding="utf-8")
    text = _put(text, r"server 127\.0\.0\.1:8000;", f"server {upstream};")
    text = _put(text, r"listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = re.sub(r"(?m)^ *ssl_.*\n", "", text)
    for name, value in times.items():
        text = _put(text, rf"\b{name} +[^;]+;", f"{name} {value};")
    return text


def _put(text: str, pattern: str, instead: str) -> str:
    text, count = re.subn(pattern, instead, text)
    assert count == 1, f"{pattern} stands {count} times in {CONFIGURATION.name}"
    return text


@contextmanager
def running(home: Path, site: str) -> Iterator[None]:
    """Let nginx run with `site`; whoever waits for it asks at its port."""
    file = configured(home, site)
    with (home / "nginx.out").open("wb") as out:
        process = subprocess.Popen([program(), "-p", home, "-c", file], stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
