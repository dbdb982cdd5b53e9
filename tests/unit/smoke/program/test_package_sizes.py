"""What the program that is run inside an image counts."""

from __future__ import annotations

from pathlib import Path

from ci.smoke.program.package_sizes import distributions, packages


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_distribution_is_all_its_files_and_their_byte_code(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    write(site / "thing.py", "x" * 100)
    write(site / "__pycache__/thing.cpython-311.pyc", "")
    metadata = "Metadata-Version: 2.1\nName: Python_Thing\nVersion: 1\n"
    record = "thing.py,,\ngone.py,,\npython_thing-1.dist-info/METADATA,,\n"
    write(site / "python_thing-1.dist-info/METADATA", metadata)
    write(site / "python_thing-1.dist-info/RECORD", record)
    before = {"python-thing": 100 + len(metadata)}
    assert distributions([str(site)]) == before
    from importlib.util import cache_from_source

    write(Path(cache_from_source(str(site / "thing.py"))), "y" * 30)
    assert distributions([str(site)]) == {"python-thing": before["python-thing"] + 30}


def test_the_first_of_two_distributions_of_a_name_counts(tmp_path: Path) -> None:
    for place, size in (("one", 5), ("two", 9)):
        write(tmp_path / place / "m.py", "x" * size)
        write(tmp_path / place / "m-1.dist-info/METADATA", "Name: m\n")
        write(tmp_path / place / "m-1.dist-info/RECORD", "m.py,,\n")
    assert distributions([str(tmp_path / "one"), str(tmp_path / "two")]) == {"m": 5}


def test_packages_are_those_that_are_installed(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: tini\nStatus: install ok installed\nInstalled-Size: 28\nDescription: x\n Package: no\n\n"
        "Package: libc6-dev\nStatus: deinstall ok config-files\nInstalled-Size: 9999\n\n"
        "Package: unsized\nStatus: install ok installed\n"
    )
    assert packages(status) == {"tini": 28 * 1024, "unsized": 0}
    assert packages(tmp_path / "none") == {}
