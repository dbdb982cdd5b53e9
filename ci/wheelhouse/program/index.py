"""Where a simple index serves a file. Source: PEP 503 (HTML), PEP 691 (JSON)."""

import gzip
import json
import re
import threading
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from .client import Client, shown
from .failure import FetchingError

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


class Index:
    """The index at `root`, such as https://pypi.org/simple; each project's page is read once."""

    def __init__(self, root: str, client: Client) -> None:
        self._root, self._client = root.rstrip("/") + "/", client
        self._pages: dict[str, dict[str, str]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def address(self, name: str, file: str) -> str:
        """Return the URL of `file` of the distribution `name`.

        Raises:
            FetchingError: the index can't be read (`fetch`), or lists no such file (`unavailable`).
        """
        project = re.sub(r"[-_.]+", "-", name).lower()
        page = urljoin(self._root, f"{project}/")
        with self._locks.setdefault(project, threading.Lock()):
            if project not in self._pages:
                self._pages[project] = self._read(page, file)
        try:
            return _with_user(self._pages[project][file], self._root)
        except KeyError:
            text = f"{file}: {shown(page)} lists no such file: it was removed there, or the lock was edited"
            hint = f"`dockwright lock --upgrade {name}` chooses another file"
            raise FetchingError(kind="unavailable", text=text, hint=hint, unavailable=(file,)) from None

    def _read(self, page: str, file: str) -> dict[str, str]:
        try:
            body, headers = self._client.body(page, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}, file)
        except FetchingError as failed:
            if failed.kind == "unavailable":
                return {}
            raise
        if headers.get("Content-Encoding", "") == "gzip":
            body = gzip.decompress(body)
        if "json" in headers.get("Content-Type", ""):
            return {entry["filename"]: urljoin(page, entry["url"]) for entry in json.loads(body)["files"]}
        links = _Links(page)
        links.feed(body.decode("utf-8", "replace"))
        return links.found


class _Links(HTMLParser):
    """The files that a page of the HTML form links to, by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page = page
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of an anchor."""
        href = dict(attrs).get("href") if tag == "a" else None
        if href:
            url = urlunsplit(urlsplit(urljoin(self._page, href))._replace(fragment=""))
            self.found[unquote(urlsplit(url).path.rsplit("/", 1)[-1])] = url


def _with_user(url: str, root: str) -> str:
    """Return `url` with the name and password of the index, where it is on the same host."""
    user, at, host = urlsplit(root).netloc.rpartition("@")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{host}")) if at and parts.netloc == host else url
