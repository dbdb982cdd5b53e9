"""The one recipe of all images: what an image variant adds, as a tuple of steps."""

from __future__ import annotations

from ci.steps.step import (
    Account,
    Apt,
    Copy,
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

VENV = "/opt/venv"
APP = "/opt/app"
"""The two folders that pure layers fill: wheels the first, files of the stack the second."""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TINI = "/usr/bin/tini"
ROOT = "0:0"


def recipe(
    *,
    name: str,
    parent: str,
    parent_reference: str,
    root: bool,
    python: str,
    account: Account,
    wheelhouse: str,
    debhouse: str,
    apt: str,
    wheels: tuple[str, ...],
    libraries: tuple[str, ...],
    copies: tuple[Copy, ...],
    env: tuple[tuple[str, str], ...],
    entrypoint: tuple[str, ...],
    labels: tuple[tuple[str, str], ...],
) -> tuple[Step, ...]:
    """Return the steps of one image variant, impure ones first and what changes most often last.

    `apt` names the debhouse's list, empty for none; `wheels` the wheelhouse's lists, a layer each;
    `libraries` are folders below the environment's site-packages that hold shared libraries. A `root` image
    starts from outside the stack: it also gets the account, the virtual environment and the search path. An
    image without an `entrypoint` of its own keeps its parent's (a root image: the environment's Python).
    """
    steps: list[Step] = [From(parent=parent, default_reference=parent_reference)]
    as_root = bool(root or apt or wheels)
    if as_root:
        steps.append(User(user=ROOT))
    if root:
        steps.append(account)
    if apt:
        steps.append(Apt(name=apt, debhouse=debhouse))
    if root:
        steps.append(Venv(path=VENV, version=python, wheelhouse=wheelhouse))
    steps += [Wheels(name=list_, venv=VENV, python=python, wheelhouse=wheelhouse) for list_ in wheels]
    if libraries:
        site = f"{VENV}/lib/python{python}/site-packages"
        steps.append(Libraries(name=name, folders=tuple(f"{site}/{folder}" for folder in libraries)))
    if root:
        env = (("PATH", f"{VENV}/bin:{SEARCH_PATH}"), *env)
    if env:
        steps.append(Env(values=env))
    if copies:
        steps.append(Files(copies=copies))
    if root:
        steps.append(Workdir(path=f"/home/{account.name}"))
    if entrypoint or root:
        steps.append(Entrypoint(argv=(TINI, "--", *(entrypoint or ("python",)))))
    steps.append(Label(values=tuple(sorted(labels))))
    if as_root:
        steps.append(User(user=f"{account.uid}:{account.gid}"))
    return tuple(steps)
