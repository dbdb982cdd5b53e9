"""Run a command and record its CPU time: `metered.py FILE COMMAND…`. Standard library only, Linux.

FILE gets the seconds of the processor in user mode, not in the kernel, of the command and of all below it
that was waited for. It ends as the command does, by the same signal too; a request to end is left to the
command, which is in the same process group and gets it as well.

Source: wait4(2), getrusage(2).
"""

import os
import resource
import signal
import sys
from pathlib import Path


def main(file: str, argv: list[str]) -> int:
    """Run `argv`, write to `file`, and return how it ended."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # a handler: what is ignored the command would ignore, too
        signal.signal(number, lambda *_: None)
    child = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, used = os.wait4(child, 0)
    Path(file).write_text(f"{used.ru_utime:.3f}\n")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
