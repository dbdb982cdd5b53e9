"""A line of a Python lock, as the wheelhouse's programs read it."""

from dataclasses import dataclass


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
