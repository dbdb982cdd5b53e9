"""Every way a stage can fail, each with the exit code of its process.

0 is success and 2 a wrong command line (argparse's own code); these begin at 10.
"""

from __future__ import annotations

from typing import ClassVar

UNEXPECTED = 70
"""Exit code of an error that no stage foresaw: a defect. Source: sysexits.h, EX_SOFTWARE."""


class StageError(Exception):
    """Why a stage stopped: what, where and what to do next, in one sentence that stands alone."""

    exit_code: ClassVar[int] = UNEXPECTED


class InputError(StageError):
    """Something that the stage reads is missing or not what it should be."""

    exit_code = 10


class ModelMissingError(StageError):
    """The model is not where it should be mounted. Nothing is ever downloaded."""

    exit_code = 11


class ModelInvalidError(StageError):
    """The model's own loader refuses it, or it is a model of another kind."""

    exit_code = 12


class ToolError(StageError):
    """A child program failed."""

    exit_code = 13


class CredentialError(StageError):
    """A key for an outside service is missing or was refused."""

    exit_code = 14


class ServiceError(StageError):
    """An outside service can't be reached or gives no usable answer."""

    exit_code = 15


class OutputError(StageError):
    """The job folder can't be written."""

    exit_code = 16


class DeviceError(StageError):
    """The asked device is not there."""

    exit_code = 17
