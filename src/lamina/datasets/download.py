"""One file over HTTP into one `.part` file: resumed, retried, never larger than expected, never anything but http(s)."""

import errno
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from lamina.core.errors import ConfigError, DownloadError, StorageError
from lamina.datasets.progress import megabytes, progress

TIMEOUT_S = 10.0
ATTEMPTS = 4
BACKOFF_S = 0.5
_CHUNK_BYTES = 1 << 18
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class OfflineError(DownloadError):
    """No server could be reached: there is no network here, or a firewall in the way."""


class _Interrupted(Exception):
    """The transfer broke off; what has arrived is kept and the rest can be asked for again."""


def download(url: str, part: Path, name: str, size_bytes: int | None, remedy: str) -> bool:
    """Fetch `url` into `part`, going on where an earlier attempt stopped.

    A server that ignores `Range` sends the whole file, which then replaces the part. Timeouts, resets, truncated answers and the
    statuses that ask for patience are tried four times, half a second apart and then twice as long each time.

    Args:
        url: http or https; no other scheme is opened, not even through a redirect.
        part: where the bytes go; kept when the download fails.
        name: the file's name in messages.
        size_bytes: the expected size, where known; nothing larger is written.
        remedy: what the user can do, for every error raised here.

    Returns:
        Whether bytes of an earlier attempt are in the result.

    Raises:
        ConfigError: the URL is neither http nor https.
        OfflineError: no connection; put the file in the folder LAMINA_DATA.
        DownloadError: the server refused or kept breaking off; run again to go on.
        StorageError: the disk is full or not writable; free space or set LAMINA_CACHE.
    """
    if urlsplit(url).scheme not in ('http', 'https'):
        raise ConfigError(f'download of {name}', f'the URL {url!r}', 'an http:// or https:// URL', 'Check LAMINA_DATA_MIRROR.')
    resumed = part.exists() and part.stat().st_size > 0
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACKOFF_S * 2 ** (attempt - 1))
        try:
            _transfer(url, part, name, size_bytes, remedy)
            return resumed
        except _Interrupted as broken:
            reason = str(broken)
    raise DownloadError(f'download of {name} from {url}', reason, 'the whole file', f'Run again to go on where it stopped. {remedy}')


def _opener() -> urllib.request.OpenerDirector:
    # build_opener would add handlers for file:// and ftp://, which a redirect could then reach.
    opener = urllib.request.OpenerDirector()
    for handler in ('Proxy', 'HTTP', 'HTTPS', 'HTTPRedirect', 'HTTPDefaultError', 'Unknown'):
        opener.add_handler(getattr(urllib.request, f'{handler}Handler')())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    return opener


def _transfer(url: str, part: Path, name: str, size_bytes: int | None, remedy: str) -> None:
    have = part.stat().st_size if part.exists() else 0
    if size_bytes is not None and have >= size_bytes:
        return
    request = urllib.request.Request(url, headers={'User-Agent': 'lamina', 'Accept-Encoding': 'identity'})
    if have:
        request.add_header('Range', f'bytes={have}-')
    response = _open(request, name, have, remedy)
    if response is None:
        return
    with response:
        start = have if response.status == 206 and _starts_at(response, have) else 0
        length = response.headers.get('Content-Length')
        total = start + int(length) if length and length.isdigit() else size_bytes
        _save(response, part, start, total, name, size_bytes, remedy)


def _open(request: urllib.request.Request, name: str, have: int, remedy: str) -> http.client.HTTPResponse | None:
    where = f'download of {name} from {request.full_url}'
    try:
        return _opener().open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # the part is already as long as the file; its hash will tell
            return None
        if error.code in _TRANSIENT_STATUS:
            raise _Interrupted(f'HTTP status {error.code}') from error
        raise DownloadError(where, f'HTTP status {error.code}', 'the file', remedy) from error
    except urllib.error.URLError as error:
        raise OfflineError(where, f'no connection ({error.reason})', 'a reachable server', remedy) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f'{type(error).__name__}: {error}') from error


def _starts_at(response: http.client.HTTPResponse, offset: int) -> bool:
    return response.headers.get('Content-Range', '').strip().startswith(f'bytes {offset}-')


def _save(response, part: Path, start: int, total: int | None, name: str, size_bytes: int | None, remedy: str) -> None:
    shown = progress(name, total, start)
    done = start
    try:
        with _writing(part, 'r+b' if start else 'wb') as file:
            file.seek(start)
            while chunk := _read(response):
                done += len(chunk)
                if size_bytes is not None and done > size_bytes:
                    raise DownloadError(
                        f'download of {name}',
                        f'more than {megabytes(size_bytes)}',
                        f'a file of {size_bytes:,} bytes',
                        f'The server sends another file. {remedy}',
                    )
                _write(file, chunk, part)
                shown.update(done)
    finally:
        shown.close()
    if total is not None and done < total:
        raise _Interrupted(f'{done:,} of {total:,} bytes')


def _read(response) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f'{type(error).__name__}: {error}') from error


def _writing(part: Path, mode: str):
    try:
        return open(part, mode, buffering=0)
    except OSError as error:
        raise storage_error(part, error) from error


def _write(file, chunk: bytes, part: Path) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise storage_error(part, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """What to tell when a file of the cache cannot be written."""
    if error.errno in (errno.ENOSPC, getattr(errno, 'EDQUOT', errno.ENOSPC)):
        return StorageError(
            str(path), 'a full disk', 'room for the file', 'Free some space and run again, or set LAMINA_CACHE to another disk.'
        )
    got = error.strerror or str(error)
    return StorageError(str(path), got, 'a writable file', 'Set LAMINA_CACHE to a folder that you may write to.')
