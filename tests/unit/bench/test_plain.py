from __future__ import annotations

from dataclasses import replace

from bench.peers.plain import (
    APT,
    dockerfile,
    own_part,
    plain_parent,
    requirements_text,
    whole_requirements,
)
from tests.stacks import image, small_stack, wheel, with_image


def test_a_root_image_starts_from_outside_and_makes_the_user_and_the_environment() -> None:
    stack = small_stack()
    text = dockerfile(stack, stack.get("base:cpu"), "localhost/start", ("python3-venv",))
    assert text.splitlines() == [
        "FROM localhost/start",
        "USER root",
        f"RUN {APT.format('python3-venv tini')}",
        "RUN useradd --uid 1000 --create-home app",
        "RUN python3 -m venv /opt/venv",
        "ENV PATH=/opt/venv/bin:$PATH",
        "COPY requirements.txt /tmp/requirements.txt",
        "RUN pip install --no-cache-dir -r /tmp/requirements.txt",
        "ENV LANG=C.UTF-8",
        "COPY contract/__init__.py contract/logs.py /opt/app/contract/",
        "WORKDIR /home/app",
        'ENTRYPOINT ["/usr/bin/tini", "--", "python"]',
        'LABEL title="Base"',
        "USER app",
    ]


def test_a_stage_starts_from_the_base_image_and_installs_what_lies_between_itself() -> None:
    stack = small_stack()
    text = dockerfile(stack, stack.get("asr:cpu"), "localhost/start", ())
    assert text.splitlines() == [
        "FROM localhost/plain/base:cpu",
        "USER root",
        f"RUN {APT.format('g++')}",
        "COPY requirements.txt /tmp/requirements.txt",
        "RUN pip install --no-cache-dir -r /tmp/requirements.txt",
        "ENV HF_HUB_OFFLINE=1",
        "COPY asr.py /opt/app/",
        'ENTRYPOINT ["/usr/bin/tini", "--", "python", "/opt/app/asr.py"]',
        'LABEL title="Asr"',
        "USER app",
    ]


def test_a_stage_without_packages_of_its_own_installs_its_parents_or_nothing() -> None:
    stack = small_stack()
    vad = dockerfile(stack, stack.get("vad:cpu"), "localhost/start", ())
    assert "pip install" in vad
    stack = with_image(stack, "vad:cpu", parent="base:cpu")
    assert "pip install" not in dockerfile(stack, stack.get("vad:cpu"), "localhost/start", ())


def test_a_requirement_file_has_the_pins_of_the_image_and_of_all_below_it() -> None:
    stack = small_stack()
    text = requirements_text(whole_requirements(stack, stack.get("asr:cpu")))
    assert text == "numpy==1.0\nonnx==1.0\npyworld==1.0\nwhisper==1.0\n"


def test_the_other_variant_of_the_base_image_is_what_its_stages_start_from() -> None:
    stack = small_stack()
    images = (
        *stack.images,
        image("base", "base:cpu", "cuda", env=(("NVIDIA", "all"),)),
        image("ml", "base:cuda", "cuda", python_lock=(wheel("torch"),)),
        image("asr", "ml:cuda", "cuda", python_lock=(wheel("whisperx"),)),
    )
    stack = replace(stack, images=images)
    asr = stack.get("asr:cuda")
    assert plain_parent(stack, asr) == stack.get("base:cuda")
    assert [one.id for one in own_part(stack, asr)] == ["ml:cuda", "asr:cuda"]
    assert plain_parent(stack, stack.get("base:cuda")) == stack.get("base:cpu")
    assert plain_parent(stack, stack.get("base:cpu")) is None
