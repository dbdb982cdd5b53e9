"""Compile all modules below a folder to unchecked-hash bytecode: `compile.py FOLDER STRIP`.

Runs inside an image with its own Python, from the wheelhouse. One process, sorted, so that the bytes are the
same each time. A file that is no Python 3 (templates, tests of other versions) is left without bytecode, as
pip does.
"""

import compileall
import py_compile
import sys

if __name__ == "__main__":
    compileall.compile_dir(
        sys.argv[1],
        maxlevels=64,
        quiet=2,
        force=True,
        stripdir=sys.argv[2],
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        workers=1,
    )
