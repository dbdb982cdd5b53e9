"""A wheelhouse as its input document describes it: what is wanted, what has to be compiled, how it is filled.

While sdists are compiled, `ROOT/partial/NAME.builder` has `jobs.json` (`[{key, file}, …]`), `requirements/`
with the build requirements, `jobs/KEY/` with an sdist and its job, and `made/KEY/` for its wheel.
"""

import contextlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

from .compile_sdist import uv_program
from .compiled import Compiled
from .content_store import ContentStore, open_content_store
from .failure import FetchingError
from .line import Line
from .obstacle import remove
from .package_folder import PackageFolder
from .wheel_contents import SHOWN, Overlap, overlaps, wheel_contents

FIRST_UID = 65000
"""The first of the users that sdists are compiled as, one each. Debian gives 65000-65533 to nobody."""
UIDS = 500


class WheelFolder:
    """The wheelhouse `name` in the folder `root`, by its input document: see fetch_wheels.py."""

    def __init__(self, document: Path, root: Path, name: str) -> None:
        self._wanted = json.loads(document.read_text())
        self._folder = root / name
        self.store: ContentStore = open_content_store(root, self._wanted["known"])
        self.hashing = replace(self.store, known={})
        """The same store, which hashes each file that it is asked for: for what nobody else checks."""
        self.compiled = Compiled(root / "compiled", self.store)
        self.work = self.store.partial / f"{name.replace('/', '-')}.builder"
        self._made = Path(self._wanted["made"]) if "made" in self._wanted else self.work / "made"
        self.requirements = [Line.of(text) for text in self._wanted["builder"]]
        self.lists = {
            list_: [Line.of(text) for text in texts] for list_, texts in self._wanted["lists"].items()
        }
        self.lines = {line for own in self.lists.values() for line in own}
        self._together = {
            image: [Line.of(text) for text in texts]
            for image, texts in self._wanted.get("together", {}).items()
        }
        """The distributions of each image and its ancestors, in the order of their layers."""
        self.sizes: dict[str, int] = self._wanted.get("sizes", {})

    def key(self, line: Line) -> str:
        """Return the wheel-build key of an sdist."""
        return str(self._wanted["builds"][line.file])

    def to_compile(self) -> list[Line]:
        """Return the sdists whose wheels are not here."""
        sdists = sorted((line for line in self.lines if line.is_sdist), key=lambda line: line.file)
        return [line for line in sdists if self.compiled.find(self.key(line)) is None]

    def prepare_jobs(self, sdists: list[Line]) -> None:
        """Lay out what compiling these fetched sdists needs."""
        requirements, jobs = self.work / "requirements", []
        requirements.mkdir(parents=True)
        for line in self.requirements:
            self.store.link(line.sha256, requirements / line.file)
        for number, line in enumerate(sdists):
            key = self.key(line)
            folder = self.work / "jobs" / key
            folder.mkdir(parents=True)
            (self.work / "made" / key).mkdir(parents=True)
            self.store.link(line.sha256, folder / line.file)
            job = {
                "sdist": line.text,
                "builder": [one.text for one in self.requirements],
                "uid": FIRST_UID + number % UIDS,
            }
            (folder / "job.json").write_text(json.dumps(job))
            jobs.append({"key": key, "file": line.file})
        (self.work / "jobs.json").write_text(json.dumps(jobs))

    def adopt(self, sdists: list[Line]) -> None:
        """Store the wheels that were compiled of these sdists.

        Raises:
            FetchingError: there is none of one of them.
        """
        for line in sdists:
            key = self.key(line)
            made = sorted((self._made / key).glob("*.whl"))
            if len(made) != 1:
                raise FetchingError(kind="compile", text=f"{line.file}: no wheel was compiled of it")
            self.compiled.add(key, (line, made[0]))

    def remove_jobs(self) -> None:
        """Remove what compiling needed."""
        with contextlib.suppress(OSError):
            remove(self.work)

    def fill(self) -> None:
        """Write the folder and its manifest, of files that are all in the content store."""
        final: dict[Line, Line] = {}
        for line in self.lines:
            made = self.compiled.find(self.key(line)) if line.is_sdist else line
            if made is None:
                raise FetchingError(kind="compile", text=f"{line.file}: its compiled wheel is missing")
            final[line] = made
        self._refuse_overlaps(final)
        folder = PackageFolder(self._folder, self.store)
        for line in sorted(final.values(), key=lambda line: line.file):
            folder.add(f"wheels/{line.file}", line.sha256)
        (uv,) = [line for line in self.requirements if line.name == "uv"]
        try:
            folder.write("uv", uv_program(self.store.path(uv.sha256)), 0o755)
        except (zipfile.BadZipFile, ValueError) as error:
            raise FetchingError(kind="hash", text=f"{uv.file}: is no wheel of uv ({error})") from error
        for list_, own in self.lists.items():
            text = "".join(f"{final[line].text}\n" for line in own)
            paths = [*sorted(f"wheels/{final[line].file}" for line in own), "uv"]
            folder.list(list_, paths, text, checked=["uv"])  # uv checks the wheels
        folder.close(self._wanted["input"])

    def _refuse_overlaps(self, final: dict[Line, Line]) -> None:
        """Fail if two distributions of one image overwrite each other: which one wins differs between builds.

        A wheel of another variant's image, below an image of this one, counts if it is in the content store.
        """
        names, contents = dict[Line, str](), dict[str, dict[str, str]]()
        for line in {line for lines in self._together.values() for line in lines}:
            wheel = final.get(line, line)
            path = self.store.path(wheel.sha256)
            if not wheel.is_sdist and path.is_file():
                names[line] = line.requirement.replace("==", " ")
                contents[names[line]] = wheel_contents(path)
        present = {
            image: [names[line] for line in lines if line in names] for image, lines in self._together.items()
        }
        found = overlaps(present.values(), contents)
        if found:
            shown = [f"{one.text}; both are in {_image_with(one, present)}" for one in found[:SHOWN]]
            more = [f"and {len(found) - SHOWN} more pairs"] if len(found) > SHOWN else []
            raise FetchingError(
                kind="overlap",
                text="\n".join([*shown, *more]),
                hint="remove one of the two from the requirements, or choose a version without that file; "
                "then lock again",
            )


def _image_with(overlap: Overlap, present: dict[str, list[str]]) -> str:
    """Return the first image that has both distributions, or the one that has the second."""
    return next(
        (image for image, names in present.items() if {overlap.first, overlap.second} <= {*names}),
        next((image for image, names in present.items() if overlap.second in names), ""),
    )
