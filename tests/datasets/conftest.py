"""A web server on this machine that can be told to misbehave, and empty folders for caches."""

import hashlib
import http.server
import threading
from dataclasses import dataclass, field

import pytest


@dataclass
class Site:
    """What the server serves and how, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # for each coming answer, how many bytes to send before hanging up
    statuses: list[int] = field(default_factory=list)  # for each coming request, a status to refuse it with
    redirect: str | None = None
    hide_length: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ''

    def sha256(self, name):
        return hashlib.sha256(self.files[name]).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site, wanted = self.server.site, self.headers.get('Range')
        site.asked.append((self.path, wanted))
        if site.redirect:
            return self.refuse(302, Location=site.redirect)
        if site.statuses and (status := site.statuses.pop(0)):
            return self.refuse(status)
        content = site.files.get(self.path.lstrip('/'))
        if content is None:
            return self.refuse(404)
        start = int(wanted.removeprefix('bytes=').rstrip('-')) if wanted and site.ranges else 0
        if start >= len(content) and start:
            return self.refuse(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(content) - 1}/{len(content)}')
        if not site.hide_length:
            self.send_header('Content-Length', str(len(content) - start))
        self.end_headers()
        stop = site.cut_after.pop(0) if site.cut_after else None
        self.wfile.write(content[start:] if stop is None else content[start : start + stop])
        return None

    def refuse(self, status, **headers):
        self.send_response(status)
        for name, value in {**headers, 'Content-Length': '0'}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.site = Site(url=f'http://127.0.0.1:{server.server_port}')
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield server.site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """An empty cache, no LAMINA_DATA, no proxy between the test and its server, no long waits between attempts."""
    for name in ('LAMINA_DATA', 'LAMINA_DATA_MIRROR', 'http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('LAMINA_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr('lamina.datasets.download.BACKOFF_S', 0.001)
    return tmp_path


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """An empty folder that LAMINA_DATA names."""
    folder = tmp_path / 'data'
    folder.mkdir()
    monkeypatch.setenv('LAMINA_DATA', str(folder))
    return folder


@pytest.fixture
def unreachable(monkeypatch):
    """Every URL leads to a port of this machine at which nobody listens."""
    monkeypatch.setenv('LAMINA_DATA_MIRROR', 'http://127.0.0.1:9')
