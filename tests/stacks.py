"""A small stack as values, for tests that need no directory."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ci.catalog.stack import (
    Bootstrap,
    Builder,
    ContextFile,
    DebLine,
    ExternalBase,
    ImageVariant,
    LockLine,
    Stack,
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def deb(name: str, version: str = "1.0-1") -> DebLine:
    path = f"pool/main/{name[0]}/{name}/{name}_{version}_amd64.deb"
    return DebLine(name=name, version=version, arch="amd64", sha256=sha(path), size=1000, path=path)


def wheel(name: str, version: str = "1.0") -> LockLine:
    file = f"{name}-{version}-py3-none-any.whl"
    return LockLine(name=name, version=version, sha256=sha(file), file=file)


def sdist(name: str, version: str = "1.0") -> LockLine:
    file = f"{name}-{version}.tar.gz"
    return LockLine(name=name, version=version, sha256=sha(file), file=file)


CONTENTS: dict[str, str] = {}
"""The content of each file that `file` made, by its sha256."""


def file(path: str, content: str = "x = 1\n", mode: str = "0644") -> ContextFile:
    CONTENTS[sha(content)] = content
    return ContextFile(path=path, target=f"/opt/app/{path}", mode=mode, sha256=sha(content))


def image(name: str, parent: str, variant: str = "cpu", **more: object) -> ImageVariant:
    values: dict[str, object] = {
        "image": name,
        "variant": variant,
        "folder": name,
        "parent": parent,
        "title": name.title(),
        "description": f"What {name} is for.",
    }
    return ImageVariant(**{**values, **more})  # type: ignore[arg-type]


def small_stack() -> Stack:
    """Return base ← ml ← (asr, vad), base ← mux; every kind of input occurs."""
    return Stack(
        name="small",
        namespace="small",
        python="3.11",
        variants=("cpu",),
        base="bootstrap",
        licenses="Apache-2.0",
        user="app",
        uid=1000,
        gid=1000,
        uv="0.13.9",
        external_bases=(
            ExternalBase(
                name="python",
                reference="docker.io/library/python",
                tag="3.11",
                digest=f"sha256:{sha('base')}",
            ),
        ),
        bootstrap=Bootstrap(suite="bookworm", packages=("python3",), lock=(deb("python3"), deb("libc6"))),
        builder=Builder(apt=("g++",), apt_lock=(deb("g++"),), python_lock=(wheel("setuptools"),)),
        images=(
            image(
                "base",
                "outside:python",
                apt=("tini",),
                apt_lock=(deb("tini"),),
                requirements=("numpy",),
                python_lock=(wheel("numpy"),),
                files=(file("contract/__init__.py"), file("contract/logs.py", "y = 2\n")),
                env=(("LANG", "C.UTF-8"),),
            ),
            image("ml", "base:cpu", python_lock=(wheel("onnx"),), requirements=("onnx",)),
            image("mux", "base:cpu", apt=("ffmpeg",), apt_lock=(deb("ffmpeg"), deb("libx264"))),
            image(
                "asr",
                "ml:cpu",
                python_lock=(sdist("pyworld"), wheel("whisper")),
                requirements=("pyworld", "whisper"),
                files=(file("asr.py"),),
                env=(("HF_HUB_OFFLINE", "1"),),
                entrypoint=("python", "/opt/app/asr.py"),
            ),
            image("vad", "ml:cpu", files=(file("vad.py"),), entrypoint=("python", "/opt/app/vad.py")),
        ),
    )


def with_image(stack: Stack, id_: str, **changes: object) -> Stack:
    """Return `stack` with one image variant changed."""
    images = tuple(replace(one, **changes) if one.id == id_ else one for one in stack.images)  # type: ignore[arg-type]
    return replace(stack, images=images)
