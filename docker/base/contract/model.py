"""Models: folders mounted from outside, found by path, never fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contract.error import ModelInvalidError, ModelMissingError, StageError

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model folder that a stage needs: its usual place, the files it must hold, and what it is."""

    path: str
    files: tuple[str, ...]
    description: str

    def at(self, folder: Path) -> Path:
        """Return `folder`, which holds the model's files.

        Raises:
            ModelMissingError: it does not.
        """
        if not folder.is_dir():
            raise ModelMissingError(
                f"{folder}: there is no such folder; mount {self.description} there, or name another folder"
                " with --model. Nothing is downloaded."
            )
        missing = [name for name in self.files if not (folder / name).is_file()]
        if missing:
            raise ModelMissingError(
                f"{folder}: lacks {', '.join(missing)}; mount {self.description} there."
                " Nothing is downloaded."
            )
        return folder


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Turn whatever a model's loader raises in the block into one error that names the folder.

    Raises:
        ModelInvalidError: the loader refused the model.
    """
    try:
        yield
    except StageError:
        raise
    except Exception as error:  # loaders raise anything: ValueError, RuntimeError, OSError, pickle's
        reason = " ".join(COLOUR.sub("", str(error)).split()) or "no reason given"
        raise ModelInvalidError(
            f"{folder}: can't be loaded as this stage's model ({type(error).__name__}: {reason[:400]});"
            " see --help for the kind of model it needs"
        ) from error
