"""What a page of a simple index lists. Source: PEP 503 (HTML), PEP 691 (JSON).

A page is outside data: whatever is in it, it is read within bounds, or is an `UnusableError`.
"""

import json
import time
import zlib
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from .address import UnusableError
from .client import DOCUMENT_BYTES

HTML_S = 30.0
"""Most seconds that reading a page of the HTML form takes: there are pages that make the parser slow."""
PART = 1 << 16


def unpacked(data: bytes, limit_bytes: int = DOCUMENT_BYTES) -> bytes:
    """Return what is in a gzip file.

    Raises:
        UnusableError: it is none, or has more than `limit_bytes` in it.
    """
    found = b""
    try:
        while data:
            stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
            found += stream.decompress(data, limit_bytes + 1 - len(found))
            if len(found) > limit_bytes:
                raise UnusableError(f"the page has more than {limit_bytes >> 20} MiB unpacked")
            if not stream.eof:
                raise UnusableError("the page is a gzip file that ends too early")
            data = stream.unused_data
    except zlib.error as error:
        raise UnusableError(f"the page is no gzip file ({error})") from error
    return found


def files_of_json(data: bytes, page: str) -> dict[str, str]:
    """Return the URL of each file that a page in the JSON form lists, by its name.

    Raises:
        UnusableError: it is no such page.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"the page is no JSON ({str(error)[:100]})") from error
    entries = value.get("files") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise UnusableError("the page has no list `files`")
    found = {}
    for entry in entries:
        name, url = (entry.get("filename"), entry.get("url")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(url, str):
            raise UnusableError("the page lists a file without `filename` or `url`")
        try:
            found[name] = urljoin(page, url)
        except ValueError as error:
            raise UnusableError(f"the page lists a file whose `url` is none ({error})") from error
    return found


def files_of_html(data: bytes, page: str, limit_s: float = HTML_S) -> dict[str, str]:
    """Return the URL of each file that a page in the HTML form links to, by its name.

    Raises:
        UnusableError: it can't be read, or not within `limit_s`.
    """
    links = _Links(page)
    text = data.decode("utf-8", "replace")
    begun = time.monotonic()
    try:
        for start in range(0, len(text), PART):
            links.feed(text[start : start + PART])
            if time.monotonic() - begun > limit_s:
                raise UnusableError(f"the page can't be read within {limit_s:g} s")
    except (AssertionError, ValueError, RecursionError) as error:  # html.parser's, for broken declarations
        raise UnusableError(f"the page can't be read ({str(error)[:100]})") from error
    return links.found


class _Links(HTMLParser):
    """The files that a page of the HTML form links to, by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._page = page
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of an anchor; one that is no URL is none of a file."""
        href = dict(attrs).get("href") if tag == "a" else None
        if not href:
            return
        try:
            url = urlunsplit(urlsplit(urljoin(self._page, href))._replace(fragment=""))
            self.found[unquote(urlsplit(url).path.rsplit("/", 1)[-1])] = url
        except ValueError:
            return
