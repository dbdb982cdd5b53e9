"""What is hidden of a text before anybody reads it: passwords in URLs, tokens, and the secrets known here.

Every message, event, log and report goes through `redacted`. It works in two ways. What has the form of a
secret goes wherever it stands: the user and password of a URL, a token in a query, an `Authorization`.
What is known to be a secret (`keep_secret`) is hidden in any form: as it is, percent-encoded, as a literal of
Python or JSON. To hide too much is better than to hide too little.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
SHORTEST = 4
"""Shorter values are no secrets that could be told from other text."""
_WORDS = frozenset({"true", "false", "none", "null"})
_DIGEST = re.compile(r"sha(?:256|384|512):")
"""What follows the `@` of an image reference, which is no password's."""
_URL = re.compile(r"(?<=://)\S+")
_PLAIN_AUTHORITY = re.compile(r"(?:\[[^\]]*\]|[^:@\[\]]*)(?::[0-9]*)?")
_PORT = re.compile(r"[^.:]*:[0-9]+")
_ENCODED_URL = re.compile(r"(?<=%3A%2F%2F)[^\s&;]*?(?=%40)", re.IGNORECASE)
_PARAMETER = re.compile(
    r"(?<=[?&;])([\w.-]{0,64}(?:token|secret|passw(?:or)?d|signature|credential|api_?key)[\w.-]{0,64}|sig|auth"
    r"|(?:private|access)[_-]?key)=[^\s&;#]+",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"(?<=authorization)([\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:basic|bearer|token|negotiate)?\s{0,4})[^\s\"',]+",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|CREDENTIALS?|PAT"
    r"|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)_?KEY|(?:BASIC|HTTP)_?AUTH)(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET_NAME = re.compile(r"_(?:FILE|PATH|DIR|SOCK|URL|URI|ID|HOST|PORT)$", re.IGNORECASE)
_ADDRESS_NAME = re.compile(r"PROXY|INDEX|REGISTRY|MIRROR|HOST|UR[LI]|^DOCKWRIGHT_", re.IGNORECASE)
"""Names of variables with an address, which may be written without a scheme."""

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def redacted(text: str) -> str:
    """Return `text` without the user and password of its URLs, and with `***` for every other secret."""
    if _pattern is not None:
        text = _pattern.sub(HIDDEN, text)
    if "://" in text:
        text = _URL.sub(lambda found: _without_user(found[0]), text)
    if "@" in text:
        text = re.sub(r"[^\s/]+", lambda found: _without_password(found[0]), text)
    if "%40" in text:
        text = _ENCODED_URL.sub(HIDDEN, text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\1={HIDDEN}", text)
    return _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)


def without_login(text: str) -> str:
    """Return `USER:PASSWORD@REST` without both."""
    login, at, rest = text.rpartition("@")
    return f"{HIDDEN}@{rest}" if login and at else text


def keep_secret(*values: str) -> None:
    """Hide these values from now on, in all forms in which a text may have them."""
    global _pattern
    before = len(_known)
    for value in values:
        if len(value) >= SHORTEST and value.lower() not in _WORDS:
            _known.update(form for form in _forms(value) if len(form) >= SHORTEST)
    if len(_known) != before:
        longest_first = sorted(_known, key=lambda one: (-len(one), one))
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def keep_login_secret(user: str, password: str) -> None:
    """Hide a password, and what a header of HTTP makes of it."""
    if len(password) >= SHORTEST:
        keep_secret(password, base64.b64encode(f"{user}:{password}".encode(errors="replace")).decode())


def keep_url_secrets(text: str, *, bare: bool = True) -> None:
    """Hide the user and the password of each URL in `text`; with `bare` also of `USER:PASSWORD@HOST`."""
    for word in text.split():
        _, scheme, rest = word.partition("://")
        login, at, host = (rest if scheme else word).rpartition("@")
        if not at or _DIGEST.match(host) or not (scheme or bare):
            continue
        user, colon, password = login.partition(":")
        if colon:
            keep_login_secret(unquote(user), unquote(password))
            keep_secret(password)
        elif user != "git" and (scheme or "/" not in user):  # a token, or a name
            keep_secret(user)


def keep_environment_secret(environ: Mapping[str, str], words: Iterable[str] = ()) -> None:
    """Hide the secrets of an environment, by the names of its variables and in its URLs, and of an argv."""
    for name, value in environ.items():
        if _SECRET_NAME.search(name) and not _NO_SECRET_NAME.search(name):
            keep_secret(value)
        if "@" in value:
            keep_url_secrets(value, bare=_ADDRESS_NAME.search(name) is not None)
    for purpose in ("DOCKWRIGHT_REGISTRY", "DOCKWRIGHT_RELEASE"):
        keep_login_secret(environ.get(f"{purpose}_USER", ""), environ.get(f"{purpose}_PASSWORD", ""))
    for word in words:
        if "@" in word:
            keep_url_secrets(word.partition("=")[2] if word.startswith("--") and "=" in word else word)


def forget_secrets() -> None:
    """Forget all known secrets; for tests, each of which has its own."""
    global _pattern
    _known.clear()
    _pattern = None


def _forms(value: str) -> set[str]:
    """Return `value` as programs write it."""
    forms = {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    with suppress(UnicodeError):  # half of a surrogate pair
        forms |= {quote(value, safe=""), quote(value), quote_plus(value), unquote(value, errors="strict")}
    return forms


def _without_user(rest: str) -> str:
    """Return what stands after `://` without user and password.

    The last `@` before the path ends them. Where the authority can't be that of a URL, the password itself
    has a `/`, `?` or `#`, and the last `@` of all ends it.
    """
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return authority.rpartition("@")[2] + rest[len(authority) :]
    is_plain = _PLAIN_AUTHORITY.fullmatch(authority) is not None
    if not is_plain or _PORT.fullmatch(authority):
        _, at, host = rest.rpartition("@")
        if at and not _DIGEST.match(host):
            return host
    # a password whose end was cut off
    return rest if is_plain else HIDDEN


def _without_password(segment: str) -> str:
    """Return `USER:PASSWORD@REST` with its password hidden; all else as it is."""
    user, colon, rest = segment.partition(":")
    password, at, host = rest.rpartition("@")
    if not colon or not at or not password or password == HIDDEN:
        return segment
    if _DIGEST.match(host):
        password, at, before = password.rpartition("@")
        if not at:
            return segment
        host = f"{before}@{host}"
    return f"{user}:{HIDDEN}@{host}"
