"""Checks of an image's config: what can be seen without starting it. Pure."""

from __future__ import annotations

import re
from typing import Any

from ci.catalog.stack import ImageVariant, Stack
from ci.smoke.check import Check, verdict
from ci.smoke.request import ancestors
from ci.steps.recipe import TINI, VENV

LABELS = (
    "org.opencontainers.image.title",
    "org.opencontainers.image.description",
    "org.opencontainers.image.licenses",
)
SECRET = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL)", re.IGNORECASE)
OF_A_MACHINE = re.compile(r"(_PROXY|^SSL_CERT_|^REQUESTS_CA_BUNDLE|^PIP_)", re.IGNORECASE)


def structure_checks(stack: Stack, image: ImageVariant, config: dict[str, Any]) -> tuple[Check, ...]:
    """Return the checks of an OCI image config (`config.config` of the image spec)."""
    inner: dict[str, Any] = config.get("config") or {}
    env = dict(text.partition("=")[::2] for text in inner.get("Env") or ())
    return (
        _user(stack, str(inner.get("User") or "")),
        _entrypoint(stack, image, list(inner.get("Entrypoint") or ())),
        _environment(env),
        _labels(inner.get("Labels") or {}),
    )


def _user(stack: Stack, user: str) -> Check:
    expected = f"{stack.uid}:{stack.gid}"
    return verdict("config: user", "" if user == expected else f"is {user or 'root'!r}, not {expected}")


def _entrypoint(stack: Stack, image: ImageVariant, argv: list[str]) -> Check:
    own = next((one.entrypoint for one in reversed(ancestors(stack, image)) if one.entrypoint), ("python",))
    expected = [TINI, "--", *own]
    return verdict("config: entrypoint", "" if argv == expected else f"is {argv}, not {expected}")


def _environment(env: dict[str, str]) -> Check:
    wrong = (
        [f"PATH does not start with {VENV}/bin"] if not env.get("PATH", "").startswith(f"{VENV}/bin") else []
    )
    wrong += [f"{name} looks like a secret" for name in sorted(env) if SECRET.search(name)]
    wrong += [f"{name} belongs to one machine" for name in sorted(env) if OF_A_MACHINE.search(name)]
    return verdict("config: environment", "; ".join(wrong))


def _labels(labels: dict[str, str]) -> Check:
    missing = [name for name in LABELS if not labels.get(name)]
    return verdict("config: labels", f"missing: {', '.join(missing)}" if missing else "")
