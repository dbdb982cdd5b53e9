"""What an entrypoint starts, from its arguments alone."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import pytest

from ci.smoke.entrypoint_module import EntrypointModule, entrypoint_module


def found(text: str, env: Mapping[str, str] | None = None) -> EntrypointModule | None:
    return entrypoint_module(shlex.split(text), env or {})


@pytest.mark.parametrize(
    ("text", "module", "attribute"),
    [
        ("uvicorn api:app", "api", "app"),
        ("uvicorn --host 0.0.0.0 --port 8000 --factory pkg.api:create_app", "pkg.api", "create_app"),
        ("/opt/venv/bin/uvicorn api:app --reload", "api", "app"),
        ("python -m uvicorn api:app", "api", "app"),
        ("python3.11 -u -X dev -m uvicorn api:app", "api", "app"),
        ("python -um uvicorn api:app", "api", "app"),
        ("gunicorn pkg.mod:app -w 4", "pkg.mod", "app"),
        ("gunicorn -k uvicorn.workers.UvicornWorker -b localhost:http pkg.mod:app", "pkg.mod", "app"),
        ("gunicorn pkg.wsgi", "pkg.wsgi", "application"),
        ("gunicorn 'pkg:create_app(\"x\")'", "pkg", "create_app"),
        ("hypercorn asgi:pkg.api:app", "pkg.api", "app"),
        ("daphne -p 80 site.asgi:application", "site.asgi", "application"),
        ("granian --interface asgi main:app", "main", "app"),
        ("celery -A proj worker", "proj", ""),
        ("celery --app=proj.tasks:queue worker -l info", "proj.tasks", "queue"),
        ("celery worker -A proj", "proj", ""),
        ("flask --app web:create_app run", "web", "create_app"),
        ("waitress-serve --call web:make", "web", "make"),
        ("tini -- uvicorn api:app", "api", "app"),
        ("env -u B A=1 uvicorn api:app", "api", "app"),
        ("/usr/bin/env -S 'A=1 uvicorn api:app'", "api", "app"),
        ("nice -n 5 timeout 10 uvicorn api:app", "api", "app"),
        ("sh -c 'exec uvicorn api:app --port ${PORT:-80}'", "api", "app"),
        ("bash -ec 'set -e; exec gunicorn api:app'", "api", "app"),
    ],
)
def test_the_module_of_a_server_is_found_behind_what_starts_it(
    text: str, module: str, attribute: str
) -> None:
    target = found(text)
    assert target is not None
    assert (target.module, target.attribute, target.file) == (module, attribute, "")


def test_a_module_that_python_runs_is_a_program() -> None:
    assert found("python -m pkg.cli serve") == EntrypointModule(module="pkg.cli", is_program=True)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("python /opt/app/x.py --help", "/opt/app/x.py"),
        ("python -W ignore -u x.py", "x.py"),
        ("streamlit run web.py --server.port 80", "web.py"),
        ("fastapi run --port 80 main.py".replace("--port 80 main.py", "main.py --port 80"), "main.py"),
        ("flask --app web/app.py run", "web/app.py"),
    ],
)
def test_a_file_that_is_started_is_only_compiled(text: str, file: str) -> None:
    target = found(text)
    assert target is not None
    assert (target.file, target.module) == (file, "")


def test_folder_and_environment_of_the_program_are_those_of_its_shell() -> None:
    target = found("sh -c 'cd /srv && export A=1 && B=2 exec uvicorn --app-dir src api:app'")
    assert target == EntrypointModule(
        module="api", attribute="app", folders=("src", ""), env=(("A", "1"), ("B", "2")), cwd="/srv"
    )


def test_a_variable_of_the_image_names_the_module() -> None:
    target = found("flask run", {"FLASK_APP": "web"})
    assert target is not None
    assert target.module == "web"


@pytest.mark.parametrize(
    "text",
    [
        "python",
        "python -c 'print(1)'",
        "/opt/app/start.sh",
        "sh /opt/app/start.sh",
        "sh -c 'uvicorn api:app | tee log'",
        'sh -c "python \'"',
        "uvicorn $APP",
        "gunicorn -c conf.py",
        "celery worker",
        "tini",
        "nginx -g 'daemon off;'",
    ],
)
def test_what_the_arguments_do_not_say_is_not_guessed(text: str) -> None:
    assert found(text) is None
