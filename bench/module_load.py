"""What a call of the Dagger module spends on imports: `python -m bench.module_load [--times N]`."""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench.measure import spread

CODE = "import time, dagger; start = time.process_time()\nimport ci.main; print(time.process_time() - start)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often it is measured; default: 5")
    times = parser.parse_args().times
    argv = [sys.executable, "-c", CODE]
    taken = [float(subprocess.run(argv, capture_output=True, check=True).stdout) for _ in range(times)]
    print(f"CPU time of `import ci.main` after `import dagger`: {spread(taken)}")


if __name__ == "__main__":
    main()
