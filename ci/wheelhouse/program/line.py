"""A line of a Python lock, as the wheelhouse's programs read it."""

import re
from dataclasses import dataclass

WHEEL_FILE = re.compile(
    r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.!+]+)(-[0-9][A-Za-z0-9_.]*)?(-[A-Za-z0-9_.]+){3}\.whl"
)
"""Source: PyPA, binary distribution format, file name convention."""

REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")


def normalised(name: str) -> str:
    """Return the one spelling of a distribution's name. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Line:
    """One file of a distribution: `requirement` is `name==version`."""

    requirement: str
    sha256: str
    file: str

    @classmethod
    def of(cls, text: str) -> "Line":
        """Return the line that `text` is: `NAME==VERSION --hash=sha256:HEX # FILE`."""
        requirement, rest = text.split(" --hash=sha256:")
        digest, file = rest.split(" # ")
        return cls(requirement=requirement, sha256=digest, file=file)

    @property
    def name(self) -> str:
        """The distribution's name."""
        return self.requirement.partition("==")[0]

    @property
    def is_sdist(self) -> bool:
        """Whether it has to be compiled."""
        return not self.file.endswith(".whl")

    @property
    def text(self) -> str:
        """The line as a requirement file has it."""
        return f"{self.requirement} --hash=sha256:{self.sha256} # {self.file}"
