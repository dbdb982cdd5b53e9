"""A wheel of uv, which each stack locks and each root image needs."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

from ci.names.digest import digest_of
from tests.stacks import wheel


def _content() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("uv-0.13.9.data/scripts/uv"), b"a program")
    return data.getvalue()


UV_WHEEL = _content()
UV = replace(wheel("uv", "0.13.9"), sha256=digest_of(UV_WHEEL).removeprefix("sha256:"))
