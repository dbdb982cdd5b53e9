"""Rules that every image is checked against once it is built, as far as the catalog can tell before."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ci.catalog.base_python import PYTHON_OF, suite_error
from ci.catalog.document import StackDocument
from ci.catalog.reading import IMAGE
from ci.catalog.stack import ImageVariant
from ci.catalog.validation_errors import Invalid, Suggestion, ValidationErrors
from ci.steps.layout import APP, SEARCH_PATH, VENV

SECRET_NAME = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(API|ACCESS|PRIVATE|SECRET)_?KEY)(_|$)",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(
    r"://[^/\s:@]+:[^/\s@]+@|-----BEGIN |\b(gh[pousr]_|github_pat_|glpat-|hf_|AKIA|xox[bp]-)[A-Za-z0-9]{12,}"
)
MACHINE_SETTING = re.compile(
    r"((HTTPS?|FTP|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|NODE_EXTRA_CA_CERTS|"
    r"GIT_SSL_CAINFO|(PIP|UV)_.*)",
    re.IGNORECASE,
)
SUITES = (*PYTHON_OF, "forky", "sid", "stable", "testing", "unstable", "oldstable")
"""Debian's suites that are not too old for its mirrors. Source: debian.org/releases."""
INTERPRETERS = re.compile(r"(python|python3|sh|bash)([0-9.]*)")
SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "/etc/", "/var/")
"""Where Debian packages, wheels and files of the stack put programs."""


def check_suite(errors: ValidationErrors, file: str, document: StackDocument) -> None:
    """Add an error for a suite that Debian does not have, or whose Python is another than the stack's."""
    suite, python = document.bootstrap.suite, document.python
    if errors.has(file, "bootstrap") or errors.has(file, "python: "):
        return
    if suite not in SUITES:
        errors.add(file, "bootstrap.suite", f"Debian has no suite '{suite}'", Suggestion(suite, SUITES))
    elif document.base == "bootstrap" and (error := suite_error(python, suite)):
        errors.add(file, "python", *error)


def check_images(errors: ValidationErrors, images: Iterable[ImageVariant], bootstrap: Iterable[str]) -> None:
    """Add an error for each rule that an image would break; `bootstrap` are the packages of the only base."""
    seen: set[tuple[str, str]] = set()
    provided = set(bootstrap)
    for image in images:
        found = [*_environment(image), *_entrypoint(image), *_models(image)]
        packages = {*image.apt, *(line.name for line in image.apt_lock), *provided}
        if image.is_root and "tini" not in packages:
            what = "a root image needs the package tini, which starts the program of every image"
            found.append(("apt", (what, 'add "tini" to apt')))
        for key, error in found:
            file = f"{image.folder}/{IMAGE}"
            if (file, key) not in seen and not errors.has(file, key):
                seen.add((file, key))
                errors.add(file, key, *error)


def variable_faults(name: str, value: str) -> list[str]:
    """Return what is wrong with a variable in the environment of an image."""
    found = []
    if SECRET_NAME.search(name) or SECRET_VALUE.search(value):
        found.append("looks like a secret")
    if MACHINE_SETTING.fullmatch(name):
        found.append("is a setting of one machine")
    return found


def _environment(image: ImageVariant) -> Iterable[tuple[str, Invalid]]:
    for name, value in image.env:
        key = f"env.{name}"
        for fault in variable_faults(name, value):
            yield key, (f"{name} {fault}", "leave it out, and set it where the container is started")
        if name != "PATH":
            continue
        folders = value.split(":")
        missing = [one for one in ("/usr/bin", "/bin") if one not in folders]
        hint = f'write "{VENV}/bin:FOLDER:{SEARCH_PATH}"; variables are not replaced'
        if folders[0] != f"{VENV}/bin":
            yield key, (f"does not start with {VENV}/bin, where the image's Python is", hint)
        elif missing:
            yield key, (f"lacks {', '.join(missing)}", hint)
        elif not all(folder.startswith("/") for folder in folders):
            yield key, ("has a folder that is not absolute", hint)


def _entrypoint(image: ImageVariant) -> Iterable[tuple[str, Invalid]]:
    argv = image.entrypoint
    if not argv:
        return
    first = argv[0]
    example = f"write its path in the image, such as {APP}/{first.rsplit('/', 1)[-1]}"
    if "/" in first and not first.startswith("/"):
        yield "entrypoint[0]", (f"{first!r} is relative, and the working directory is empty", example)
    elif first.startswith("/") and not first.startswith(SYSTEM):
        yield "entrypoint[0]", (f"no step of an image makes {first!r}", example)
    if INTERPRETERS.fullmatch(first.rsplit("/", 1)[-1]):
        for index, word in enumerate(argv[1:], 1):
            if word.startswith("-"):
                if word in ("-m", "-c"):
                    return
                continue
            if not word.startswith("/") and word.endswith((".py", ".sh")):
                what = f"{word!r} is relative, and the working directory is empty"
                yield f"entrypoint[{index}]", (what, f"write its path in the image, such as {APP}/{word}")
            return


def _models(image: ImageVariant) -> Iterable[tuple[str, Invalid]]:
    for index, model in enumerate(image.models):
        if not model.path.startswith("/"):
            yield f"models[{index}].path", (f"{model.path!r} is not absolute", f"write /{model.path}")
