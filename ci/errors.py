"""Every error class of dockwright, each with the exit code that the command line ends with.

A message is one sentence of what is wrong and where. What to type or change is in `hint`, which is shown as a
line of its own. Each can be read without the other. Neither has a secret in it: see `ci.redaction`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ci.redaction import redacted


class DockwrightError(Exception):
    """Something that the user can act on; the command line prints it without a traceback.

    `str()` of it is the message, and a second line `hint: …` where there is a hint. To quote it in another
    sentence use `message`.

    Attributes:
        message: what is wrong, and where.
        hint: what to type or to change; empty where there is nothing to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message, self.hint = redacted(message), redacted(hint)
        super().__init__(f"{self.message}\nhint: {self.hint}" if hint else self.message)


class UsageError(DockwrightError):
    """The command has arguments that it can't take: an unknown image, an invalid option."""

    exit_code = 2


class ParseError(UsageError, ValueError):
    """A text is not the digest, the image variant, the reference or the host that it should be."""


class CatalogError(DockwrightError):
    """The stack directory has validation errors; the message has all of them, each with its hint."""

    exit_code = 2


class FilesChangedError(CatalogError):
    """A file of an image's folder changed between the reading of the stack and its copy for the build."""


class LockError(DockwrightError):
    """A lock can't be made, or is not fresh."""

    exit_code = 3


class ConflictError(LockError):
    """Requirements do not fit together, or not with the pins that they have to keep."""


class FetchError(DockwrightError):
    """A build input could not be fetched, or is not what its lock names."""

    exit_code = 4


class UnavailableError(LockError):
    """Locked Debian packages that their archive no longer has.

    Attributes:
        summary: the first sentence of the message, without the last lines of the program that fetched.
        files: the names of the packages' files.
    """

    def __init__(self, message: str, *, summary: str, files: tuple[str, ...], hint: str = "") -> None:
        self.summary, self.files = redacted(summary), files
        super().__init__(message, hint=hint)


class EngineError(DockwrightError):
    """No usable engine, or the engine refused before any step ran."""

    exit_code = 5


class StoreError(EngineError):
    """The store of an engine is damaged, and its content is not known."""


class BuildError(DockwrightError):
    """A step of a build failed."""

    exit_code = 6


class SmokeError(DockwrightError):
    """An image was built, and a check of it failed."""

    exit_code = 7


class BudgetError(SmokeError):
    """An image takes more than its budget, or than it took before."""


class DiskError(DockwrightError):
    """There is not enough free space for something; nothing of it was started."""

    exit_code = 8


class DiskFullError(DiskError):
    """A disk filled up under a run; what was finished stays, and nothing more is started."""


RegistryAnswer = Literal["absent", "unauthorised", "unreachable", "corrupt"]
"""What a registry answers instead of what was requested."""


class RegistryError(DockwrightError):
    """A registry did not deliver, or accept, what was requested.

    Attributes:
        answer: `absent` (it has no such thing), `unauthorised` (not for these credentials), `unreachable`
            (no answer, or one that asks to try again later) or `corrupt` (not what it claims to be).
        status: of the HTTP answer; 0 where it is not known.
    """

    exit_code = 9

    def __init__(self, answer: RegistryAnswer, message: str, *, hint: str = "", status: int = 0) -> None:
        self.answer, self.status = answer, status
        super().__init__(message, hint=hint)


class MissingInRegistryError(RegistryError):
    """A registry listed images that it does not deliver.

    Attributes:
        images: their `image:variant`.
    """

    def __init__(self, message: str, *, images: tuple[str, ...]) -> None:
        self.images = images
        super().__init__("corrupt", message)


class CommandError(DockwrightError):
    """A child process ended with a non-zero status.

    Attributes:
        argv: what was run.
        status: its exit status; negative for a signal.
        tail: the last lines that it wrote.
    """

    exit_code = 6

    def __init__(
        self, argv: tuple[str, ...], status: int, tail: str, *, reason: str = "", hint: str = ""
    ) -> None:
        self.argv, self.status, self.tail = argv, status, redacted(tail)
        shown = redacted(" ".join(argv))  # before it is cut: a half of a password has another form
        if len(shown) > 300:
            shown = shown[:300] + " …"
        super().__init__(f"{reason}`{shown}` ended with {status}:\n{self.tail}".rstrip(), hint=hint)


class NoSpaceError(CommandError):
    """A child process ended because a disk is full; its message has the folder that it named."""

    exit_code = 8

    def __init__(self, argv: tuple[str, ...], status: int, tail: str) -> None:
        super().__init__(
            argv,
            status,
            tail,
            reason="no space left on a disk: ",
            hint="free space (`dockwright gc` lists what can be removed), or use another disk: `--root DIR`",
        )
