"""Where a simple index serves a file. Source: PEP 503 (HTML), PEP 691 (JSON)."""

import threading
from urllib.parse import urlsplit, urlunsplit

from .address import UnusableError, parse_url, shown
from .client import Client
from .failure import FetchingError
from .index_page import files_of_html, files_of_json, unpacked
from .line import normalised

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


class Index:
    """The index at `root`, such as https://pypi.org/simple; each project's page is read once."""

    def __init__(self, root: str, client: Client) -> None:
        self._root, self._client = root.rstrip("/") + "/", client
        self._pages: dict[str, dict[str, str]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def files(self, name: str) -> dict[str, str]:
        """Return the URL of each file of the distribution `name`, by its name.

        Raises:
            FetchingError: the index can't be read.
        """
        return self._read(self._page(normalised(name)), name)

    def address(self, name: str, file: str) -> str:
        """Return the URL of `file` of the distribution `name`.

        Raises:
            FetchingError: the index can't be read (`fetch`), or lists no such file (`unavailable`).
        """
        project = normalised(name)
        page = self._page(project)
        with self._locks.setdefault(project, threading.Lock()):
            if project not in self._pages:
                self._pages[project] = self._read(page, file)
        try:
            url = self._pages[project][file]
        except KeyError:
            text = f"{file}: {shown(page)} lists no such file: it was removed there, or the lock was edited"
            hint = f"`dockwright lock --upgrade {name}` chooses another file"
            raise FetchingError(kind="unavailable", text=text, hint=hint, unavailable=(file,)) from None
        try:
            return _with_user(url, self._root)
        except UnusableError as error:
            text = f"{file}: {shown(page)} names an address of it that can't be used: {error}"
            raise FetchingError(kind="fetch", text=text) from error

    def _page(self, project: str) -> str:
        return f"{self._root}{project}/"

    def _read(self, page: str, file: str) -> dict[str, str]:
        try:
            body, headers = self._client.body(page, {"Accept": ACCEPT, "Accept-Encoding": "gzip"}, file)
        except FetchingError as failed:
            if failed.kind == "unavailable":
                return {}
            raise
        try:
            if headers.get("Content-Encoding", "") == "gzip":
                body = unpacked(body)
            read = files_of_json if "json" in headers.get("Content-Type", "") else files_of_html
            return read(body, page)
        except UnusableError as error:
            raise FetchingError(kind="fetch", text=f"{file}: {shown(page)}: {error}") from error


def _with_user(url: str, root: str) -> str:
    """Return `url` with the name and password of the index, where it is on the same host.

    Raises:
        UnusableError: `url` can't be read from.
    """
    parts = parse_url(url)
    user, at, host = urlsplit(root).netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}@{host}")) if at and parts.netloc == host else url
