"""What Buildah and a shell make of what the lowering writes: names of files, values, mounts, whole files."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from ci.catalog.stack import ContextFile, ImageVariant
from ci.engines.buildah.engine import BuildahEngine
from ci.engines.engine import BuildRequest, ContainerRun, Output
from ci.errors import EngineError
from ci.lower.dockerfile import instructions
from ci.lower.quoting import sh_word
from ci.lower.script import account_script
from ci.run.inputs.staged_files import write_context
from ci.steps.step import Account, Entrypoint, Env, Files, Label, Step, Venv
from tests.engine.conftest import BASE
from tests.stacks import image, sha

pytestmark = pytest.mark.engine

NAMES = (
    *("data/[id].txt", "data/i.txt", "conf[12].txt", "conf1.txt", "a$HOME.txt", "${PATH}", "*", "?"),
    *(
        "q'u\"o`te",
        "back\\slash",
        "end\\",
        "new\nline",
        "\nRUN false",
        "-x",
        "--chmod=0777",
        "#x",
        " x ",
        "!x",
    ),
    *(
        "C:x,y=z",
        "{a,b}",
        "<<EOF",
        "ü👨\u200d👩\u200d👧",
        "l" * 255,
        ".dockerignore",
        "Dockerfile",
        "a/b/.x/c",
    ),
)
"""Names that a builder could take for a pattern, a variable, an option, a comment or the end of a line."""
HOSTILE = st.text(
    st.sampled_from("ab$ {}'\"\\`#=*;&|<>~!()[]%é\u00a0👍") | st.characters(exclude_categories=["Cs", "Cc"]),
    min_size=0,
    max_size=12,
)
LISTING = """\
import hashlib, json, os
found = {}
for folder, folders, files in os.walk("/opt/app"):
    for name in folders + files:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        content = os.readlink(path) if os.path.islink(path) else ""
        if os.path.isfile(path) and not content:
            content = hashlib.sha256(open(path, "rb").read()).hexdigest()
        found[path] = [oct(status.st_mode), status.st_uid, status.st_gid, content]
print(json.dumps(found))
"""


def request(folder: Path, *steps: Step, **more: Any) -> BuildRequest:
    text = "".join(f"{one}\n" for one in ("ARG PARENT", "FROM ${PARENT}", "USER 0:0", *instructions(steps)))
    return BuildRequest(instructions=text, steps=steps, context=folder, parent=BASE, **more)


async def files_of(engine: BuildahEngine, id_: str) -> dict[str, list[Any]]:
    run = ContainerRun(argv=("/opt/venv/bin/python", "-c", LISTING), user="0:0")
    return dict(json.loads(await engine.run(id_, run, Output())))


def written(stack: Path, names: dict[str, str]) -> ImageVariant:
    """Write each file, with its name as its content, and return an image that has them all."""
    files = []
    for name, mode in names.items():
        path = stack / "vad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        files.append(ContextFile(path=name, target=f"/opt/app/own/{name}", mode=mode, sha256=sha(name)))
    return image("vad", "base:cpu", files=tuple(files))


async def test_each_file_arrives_under_its_own_name_and_nothing_else_does(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    stack, context = tmp_path / "docker", tmp_path / "context"
    one = written(stack, {name: ("0644", "0755", "0600")[len(name) % 3] for name in NAMES})
    (stack / "vad/.env").write_text("SECRET=1")
    (stack / "vad/conf2.txt").write_text("not asked for")
    more = (
        ContextFile(path="alias", target="/opt/app/own/alias", mode="0644", link="data/[id].txt"),
        ContextFile(path="spool", target="/opt/app/own/spool", mode="0755"),
    )
    write_context(stack, replace(one, files=(*one.files, *more)), context)
    before = await files_of(engine, BASE)
    after = await files_of(engine, await engine.build(request(context, Files(target="/opt/app")), Output()))
    assert {path: entry for path, entry in after.items() if path in before} == before
    own = {path: entry for path, entry in after.items() if path not in before}
    folders = {"", *("/data", "/spool", "/a", "/a/b", "/a/b/.x")}
    expected = {f"/opt/app/own{folder}": ["0o40755", 0, 0, ""] for folder in folders}
    expected |= {one.target: [f"0o100{one.mode[1:]}", 0, 0, one.sha256] for one in one.files}
    expected["/opt/app/own/alias"] = ["0o120777", 0, 0, "data/[id].txt"]
    assert own == expected


async def test_many_folders_and_long_names_are_one_layer(engine: BuildahEngine, tmp_path: Path) -> None:
    names = {f"{number % 150}/{'n' * 200}{number}": "0644" for number in range(1500)}
    write_context(tmp_path / "docker", written(tmp_path / "docker", names), tmp_path / "context")
    wanted = request(tmp_path / "context", Files(target="/opt/app"), labels={"last": "one"})
    id_ = await engine.build(wanted, Output())
    layers, below = (await engine.inspect(id_)).layers, (await engine.inspect(BASE)).layers
    assert (len(layers), layers[: len(below)]) == (len(below) + 1, below)
    found = await files_of(engine, id_)
    assert {f"/opt/app/own/{name}" for name in names} <= set(found)


async def test_a_layer_of_files_depends_on_names_modes_and_content_alone(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    layers = set()
    for run in ("a", "b"):
        one = written(tmp_path / run / "docker", {"x": "0644", "y/z": "0755"})
        write_context(tmp_path / run / "docker", one, tmp_path / run / "context")
        id_ = await engine.build(
            replace(request(tmp_path / run / "context", Files(target="/opt/app")), cache=False), Output()
        )
        info = await engine.inspect(id_)
        assert "COPY in /opt/app/" in info.config["history"][-1]["created_by"]
        layers.add((id_, info.layers[-1]))
    assert len(layers) == 1


async def test_a_dockerfile_of_which_the_end_is_dropped_is_an_error(
    engine: BuildahEngine, tmp_path: Path
) -> None:
    wanted = request(tmp_path, Env(values=(("A", "1"),)), labels={"own": "yes"})
    found = (await engine.inspect(await engine.build(wanted, Output()))).config["config"]["Labels"]
    assert found["own"] == "yes"
    long = replace(wanted, instructions=wanted.instructions + f'LABEL x="{"y" * 70_000}"\nENV B="2"\n')
    with pytest.raises(EngineError, match="did not execute the whole Dockerfile"):
        await engine.build(long, Output())


async def test_values_reach_the_config_as_they_are(engine: BuildahEngine, tmp_path: Path) -> None:
    texts: list[str] = [
        "$HOME",
        "${HOME}",
        "a\\",
        '\\"',
        "\\$A",
        "$$",
        "a # b",
        "'",
        " x ",
        "\\\\n",
        "`id`",
        "l" * 29_000,
    ]

    @limits(max_examples=300, deadline=None, database=None)
    @given(HOSTILE)
    def collected(text: str) -> None:
        if text.isprintable():
            texts.append(text)

    collected()
    env = tuple((f"V{number}", text) for number, text in enumerate(texts))
    labels = tuple((f"l{number}", text) for number, text in enumerate(texts))
    argv = tuple(text.replace("l" * 29_000, "l") for text in texts if text)
    for start in range(0, len(texts), 100):
        part = slice(start, start + 100)
        steps = (Env(values=env[part]), Label(values=labels[part]), Entrypoint(argv=argv[part] or ("x",)))
        id_ = await engine.build(request(tmp_path, *steps, labels={"own.label": '$x \\ "'}), Output())
        config = (await engine.inspect(id_)).config["config"]
        found = dict(text.split("=", 1) for text in config["Env"])
        assert {name: found.get(name) for name, _ in env[part]} == dict(env[part])
        assert {name: config["Labels"].get(name) for name, _ in labels[part]} == dict(labels[part])
        assert tuple(config["Entrypoint"]) == steps[2].argv
        assert config["Labels"]["own.label"] == '$x \\ "'


@limits(max_examples=30, deadline=None, database=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=50
    )
)
def test_a_shell_reads_each_word_as_it_was(words: list[str]) -> None:
    script = f"printf '%s\\0' {' '.join(map(sh_word, words))}" if words else ":"
    done = subprocess.run(("sh", "-c", script), capture_output=True, check=True)
    assert done.stdout == b"".join(word.encode() + b"\0" for word in words)


async def test_another_uv_makes_another_layer(engine: BuildahEngine, tmp_path: Path) -> None:
    step = Venv(path="/opt/other", version="3.11", wheelhouse="small/wheelhouse:cpu")
    layers = []
    for version in ("1", "2"):
        folder = tmp_path / version
        folder.mkdir()
        (folder / "uv").write_text(f"#!/bin/sh\nmkdir /opt/other && echo {version} > /opt/other/version\n")
        (folder / "uv").chmod(0o755)
        digest = sha256((folder / "uv").read_bytes()).hexdigest()
        wanted = request(tmp_path, step, folders={"small/wheelhouse:cpu": folder}, build_args={"UV": digest})
        layers.append((await engine.inspect(await engine.build(wanted, Output()))).layers[-1])
    assert layers[0] != layers[1]


async def test_a_mount_without_a_digest_is_not_built(engine: BuildahEngine, tmp_path: Path) -> None:
    step = Venv(path="/opt/other", version="3.11", wheelhouse="small/wheelhouse:cpu")
    wanted = request(tmp_path, step, folders={"small/wheelhouse:cpu": tmp_path})
    with pytest.raises(EngineError, match="no value for UV"):
        await engine.build(wanted, Output())


PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
GROUP = "root:x:0:\nwww-data:x:33:\nstaff:x:50:\nusers:x:100:\n"


def accounts(folder: Path, account: Account) -> tuple[str, str, str]:
    """Add an account to the files of a small system; return what is new in both, and what was printed."""
    (folder / "passwd").write_text(PASSWD)
    (folder / "group").write_text(GROUP)
    *commands, _ = account_script(account)
    script = " && ".join(commands).replace("/etc/", f"{folder}/")
    done = subprocess.run(("sh", "-c", script), capture_output=True, text=True, check=False)
    if done.returncode:
        return "", "", done.stdout + done.stderr
    new = [(folder / name).read_text() for name in ("passwd", "group")]
    return new[0].removeprefix(PASSWD), new[1].removeprefix(GROUP), ""


@pytest.mark.parametrize(
    ("account", "passwd", "group"),
    [
        (("app", 1000, 1000), "app:x:1000:1000::/home/app:/usr/sbin/nologin\n", "app:x:1000:\n"),
        (("app", 1000, 100), "app:x:1000:100::/home/app:/usr/sbin/nologin\n", ""),
        (("staff", 1000, 50), "staff:x:1000:50::/home/staff:/usr/sbin/nologin\n", ""),
    ],
)
def test_an_account_is_added_once_with_its_group(
    tmp_path: Path, account: tuple[str, int, int], passwd: str, group: str
) -> None:
    name, uid, gid = account
    assert accounts(tmp_path, Account(name=name, uid=uid, gid=gid)) == (passwd, group, "")


def test_an_account_of_the_base_is_taken_over(tmp_path: Path) -> None:
    passwd, group, _ = accounts(tmp_path, Account(name="www-data", uid=33, gid=33))
    first = PASSWD.splitlines()[0]
    assert passwd == f"{first}\nwww-data:x:33:33::/home/www-data:/usr/sbin/nologin\n"
    assert group == ""


@pytest.mark.parametrize("account", [("www-data", 1000, 1000), ("app", 33, 1000), ("staff", 1000, 1000)])
def test_an_account_that_the_base_has_otherwise_is_named(
    tmp_path: Path, account: tuple[str, int, int]
) -> None:
    name, uid, gid = account
    _, _, printed = accounts(tmp_path, Account(name=name, uid=uid, gid=gid))
    assert "stack.toml: user" in printed
    assert ("www-data:x:33:33:" in printed) or ("staff:x:50:" in printed)
