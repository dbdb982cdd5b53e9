"""Checks of an image's config, without starting the image. Pure."""

from __future__ import annotations

from typing import Any

from ci.catalog.image_rules import variable_faults
from ci.catalog.stack import ImageVariant, Stack
from ci.report.check import Check, verdict
from ci.smoke.probe_request import entrypoint_of
from ci.steps.layout import TINI, VENV


def structure_checks(stack: Stack, image: ImageVariant, config: dict[str, Any]) -> tuple[Check, ...]:
    """Return the checks of an OCI image config, as in `OCIv1` of `buildah inspect --type image`."""
    inner: dict[str, Any] = config.get("config") or {}
    return (
        _user(stack, str(inner.get("User") or "")),
        _entrypoint(stack, image, inner.get("Entrypoint") or [], inner.get("Cmd") or []),
        _environment([str(text) for text in inner.get("Env") or ()]),
        _labels(stack, image, inner.get("Labels") or {}),
    )


def _user(stack: Stack, user: str) -> Check:
    expected = f"{stack.uid}:{stack.gid}"
    return verdict("config: user", "" if user == expected else f"is {user or 'root'!r}, not {expected!r}")


def _entrypoint(stack: Stack, image: ImageVariant, argv: list[str], arguments: list[str]) -> Check:
    expected = [TINI, "--", *entrypoint_of(stack, image)]
    errors = [f"is {argv}, not {expected}"] if argv != expected else []
    errors += [f"has default arguments: {arguments}"] if arguments else []
    return verdict("config: entrypoint", "; ".join(errors))


def _environment(texts: list[str]) -> Check:
    env = dict(text.partition("=")[::2] for text in texts)
    first = f"{VENV}/bin"
    errors = [f"PATH does not start with {first}"] if env.get("PATH", "").split(":")[0] != first else []
    errors += [f"{name} {fault}" for name in sorted(env) for fault in variable_faults(name, env[name])]
    return verdict("config: environment", "; ".join(errors))


def _labels(stack: Stack, image: ImageVariant, labels: dict[str, str]) -> Check:
    expected = {"title": image.title, "description": image.description, "licenses": stack.licenses}
    errors = []
    for name, text in expected.items():
        label = f"org.opencontainers.image.{name}"
        if labels.get(label) != text:
            errors.append(f"{label} is {labels.get(label)!r}, not {text!r}")
    return verdict("config: labels", "; ".join(errors))
