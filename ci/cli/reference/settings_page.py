"""The page of the settings: each variable with its values and its default."""

from __future__ import annotations

from pathlib import PurePath

from ci.cli.reference.markdown import code, page, table
from ci.cli.reference.model_page import type_text
from ci.settings import BY_A_FOLDER, Settings

INTRODUCTION = """\
A setting is read from an environment variable, or from a file: `.dockwright.env` in the current directory,
`~/.config/dockwright/dockwright.env` (or the same in `$XDG_CONFIG_HOME`), or `.dockwright.env` next to
`dockwright`. An option of a command overrides the variable, and the variable overrides the files, of which
the first counts. A setting marked *hint* changes the speed or the source of a download, never the result.

The file in the current directory may have come with a cloned repository. So it can set only what the last
column allows; all else in it is an error. A `${NAME}` in a file is text.\
"""
CREDENTIALS = """\
Credentials are read from the environment only: `DOCKWRIGHT_REGISTRY_USER` and `DOCKWRIGHT_REGISTRY_PASSWORD`
for the registry, `DOCKWRIGHT_RELEASE_USER` and `DOCKWRIGHT_RELEASE_PASSWORD` for releases. They are sent only
to a registry that the environment or the command line names, not to one that a file names. Credentials of
`podman login` and `docker login` are sent to the host that they are kept for. Of several entries, such as
`HOST` and `HOST/NAMESPACE`, the most specific counts.

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
                "" if name not in BY_A_FOLDER else "yes, but read-write" if name == "cache" else "yes",
            )
        )
    body = table(("Variable", "Value", "Default", "Meaning", "In the current directory's file"), rows)
    return page("Settings", [INTRODUCTION.splitlines(), body, CREDENTIALS.splitlines()])
