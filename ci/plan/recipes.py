"""The recipe of each image variant of a stack: the steps that it adds to its parent. Pure."""

from __future__ import annotations

import hashlib

from ci.catalog.stack import DebLine, ImageVariant, LockLine, Stack
from ci.plan.references import debhouse_reference, external_reference, reference, wheelhouse_reference
from ci.steps.layout import APP, ROOT, SEARCH_PATH, TINI, VENV
from ci.steps.step import (
    Account,
    Apt,
    Entrypoint,
    Env,
    Files,
    From,
    Label,
    Libraries,
    Step,
    User,
    Venv,
    Wheels,
    Workdir,
)


def apt_list(asked: tuple[str, ...], lock: tuple[DebLine, ...]) -> str:
    """Return the name of a list of the debhouse, by its content; empty where no package is requested.

    So images with the same Debian packages on the same parent share one instruction and one layer.
    """
    if not asked:
        return ""
    lines = "\n".join(line.text for line in lock)
    return f"{'-'.join(asked)[:40]}-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def wheel_lists(image: ImageVariant) -> dict[str, tuple[LockLine, ...]]:
    """Return the lock lines of each layer of wheels of `image`, by the name of its list in the wheelhouse.

    A declared layer is named by its first distribution. All other distributions are one more layer, the last,
    which has the image's name.
    """
    lines = {line.name: line for line in image.python_lock}
    lists = {
        f"{image.image}.{layer[0]}": tuple(lines.pop(name) for name in sorted(layer))
        for layer in image.layers
    }
    if lines:
        lists[image.image] = tuple(lines.values())
    return lists


def account(stack: Stack) -> Account:
    """Return the account that every image of the stack runs as."""
    return Account(name=stack.user, uid=stack.uid, gid=stack.gid)


def recipe(stack: Stack, image: ImageVariant) -> tuple[Step, ...]:
    """Return the steps of `image`: impure ones first, and those that change most often last.

    A root image has an external base. It also gets the account, the virtual environment and the search path.
    An image without an `entrypoint` has its parent's; a root image then has the environment's Python.
    """
    root, user = image.is_root, account(stack)
    wheelhouse, debhouse = wheelhouse_reference(stack, image.variant), debhouse_reference(stack)
    parent = str(external_reference(stack, image.parent)) if root else reference(stack, image.parent)
    apt, wheels, env = apt_list(image.apt, image.apt_lock), wheel_lists(image), image.env
    steps: list[Step] = [From(parent=image.parent, default_reference=parent)]
    as_root = bool(root or apt or wheels)
    if as_root:
        steps.append(User(user=ROOT))
    if root:
        steps.append(user)
    if apt:
        steps.append(Apt(name=apt, debhouse=debhouse))
    if root:
        steps.append(Venv(path=VENV, version=stack.python, wheelhouse=wheelhouse))
    steps += [Wheels(name=name, venv=VENV, python=stack.python, wheelhouse=wheelhouse) for name in wheels]
    if image.libraries:
        site = f"{VENV}/lib/python{stack.python}/site-packages"
        folders = tuple(f"{site}/{folder}" for folder in image.libraries)
        steps.append(Libraries(name=image.image, folders=folders))
    if root:
        env = (("PATH", f"{VENV}/bin:{SEARCH_PATH}"), *env)
    if env:
        steps.append(Env(values=env))
    if image.files:
        steps.append(Files(target=APP))
    if root:
        steps.append(Workdir(path=f"/home/{user.name}"))
    if image.entrypoint or root:
        steps.append(Entrypoint(argv=(TINI, "--", *(image.entrypoint or ("python",)))))
    labels = {
        "org.opencontainers.image.title": image.title,
        "org.opencontainers.image.description": image.description,
        "org.opencontainers.image.licenses": stack.licenses,
    }
    steps.append(Label(values=tuple(sorted(labels.items()))))
    if as_root:
        steps.append(User(user=f"{user.uid}:{user.gid}"))
    return tuple(steps)
