"""What gc prints."""

from __future__ import annotations

from ci.cli.gc import gc_lines, total_text
from ci.run.gc.choice import NO_IMAGE, NOT_IN_STACK, UNLOCKED, UNNAMED, Item
from ci.run.gc.local import Survey

ITEMS = (
    Item(kind="file", name="/s/kept/aa", size_bytes=887_000_000, reason=UNLOCKED),
    Item(kind="file", name="/s/kept/bb", size_bytes=4_000, reason=UNLOCKED),
    Item(kind="file", name="/s/kept/cc", size_bytes=5_000, reason=UNLOCKED),
    Item(kind="file", name="/s/images/x/k-1.json", size_bytes=700, reason=NO_IMAGE),
    Item(kind="image", name="dw/old:cpu", size_bytes=2_000_000_000, reason=NOT_IN_STACK),
    Item(kind="image", name="dw/old:k-1", size_bytes=0, reason=NOT_IN_STACK),
    Item(kind="intermediate", name="0123456789abcdef", size_bytes=3_000_000, reason=UNNAMED),
)


def test_large_things_stand_alone_and_small_ones_of_a_kind_together() -> None:
    assert gc_lines(Survey(items=ITEMS)) == (
        "  887 MB  /s/kept/aa: no lock of this stack names it",
        " 9.00 kB  2 files: no lock of this stack names it",
        "   700 B  1 file: record or lock of an image that no longer exists",
        " 2.00 GB  dw/old:cpu: the stack no longer has this image",
        "     0 B  dw/old:k-1: the stack no longer has this image",
        " 3.00 MB  unnamed image 0123456789ab: has layers that no named image uses",
    )


def test_the_total_is_of_all() -> None:
    assert total_text(ITEMS) == "7 items, 2.89 GB"
    assert total_text(ITEMS[:1]) == "1 item, 887 MB"
