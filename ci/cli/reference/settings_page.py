"""The page of the settings: each variable with its values and its default."""

from __future__ import annotations

from pathlib import PurePath

from ci.cli.reference.markdown import code, page, table
from ci.cli.reference.model_page import type_text
from ci.settings import Settings

INTRODUCTION = """\
A setting is read from an environment variable, or from the file `.dockwright.env` in the current directory or
next to `dockwright`. An option of a command overrides the variable, and the variable overrides the file. A
setting marked *hint* changes the speed or the source of a download, never the result.\
"""
CREDENTIALS = """\
Credentials are read from the environment only: `DOCKWRIGHT_REGISTRY_USER` and `DOCKWRIGHT_REGISTRY_PASSWORD`
for the registry, `DOCKWRIGHT_RELEASE_USER` and `DOCKWRIGHT_RELEASE_PASSWORD` for releases.

Containers that download packages use the proxies (`http_proxy`, `https_proxy`, `no_proxy`) and certificates
(`SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `PIP_CERT`, `CURL_CA_BUNDLE`) of the environment. They never get into
an image or a key.\
"""


def settings_page() -> str:
    """Return the page of all settings."""
    prefix = Settings.model_config.get("env_prefix", "")
    rows: list[tuple[str, ...]] = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = str(default) if isinstance(default, PurePath | str | int | float) else ""
        shown = shown.lower() if isinstance(default, bool) else shown
        rows.append(
            (
                code(f"{prefix}{name.upper()}"),
                type_text(field.annotation),
                code(shown),
                field.description or "",
            )
        )
    body = table(("Variable", "Value", "Default", "Meaning"), rows)
    return page("Settings", [INTRODUCTION.splitlines(), body, CREDENTIALS.splitlines()])
