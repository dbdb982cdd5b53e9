from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path

from bench.peers.by_buildkit import header_commands, sent
from bench.peers.counters import received_bytes
from bench.peers.daemon import archive_bytes, chain_ids, decimal_bytes

STACK = Path(__file__).parents[3] / "docker"

SAID = """\
#3 [internal] load build context
#3 sha256:0d65cd6d4e8e7f539b263f8be1ab5c900a54d4b9a7db7139e6b56b8e069bdfc1
#3 transferring context: 100.5MB 2.0s
#3 transferring context: 1.25GB 4.0s done
#2 transferring context: 579B done
"""

INTERFACES = """\
Inter-|   Receive                                          |  Transmit
 face |bytes    packets errs drop fifo frame compressed     |bytes    packets errs drop fifo colls
    lo: 324738783  153775    0    0    0     0          0         324738783  153775    0    0    0
  ifb0:    7    0    0    0    0     0          0         0        0    0    0
  eth0: 20181795686  699876    0    0    0     0          0         0 28299213  311688    0    0
  eth1:100 1    0    0    0     0          0         0 28299213  311688    0    0    0     0
"""


def test_the_last_word_on_each_context_counts() -> None:
    assert sent(SAID) == 1_250_000_000 + 579
    assert sent("") == 0


def test_a_rendered_header_packs_the_houses_before_it_builds() -> None:
    lines = header_commands((STACK / "base/Dockerfile.cpu").read_text())
    assert ["docker build -f -" in line for line in lines] == [True, True, False]
    assert " docker build --network none " in lines[-1]


def test_sizes_as_docker_prints_them_are_decimal() -> None:
    assert [decimal_bytes(text) for text in ("0B", "47.47kB", "969.2MB", "4.31GB")] == [
        0,
        47_470,
        969_200_000,
        4_310_000_000,
    ]


def test_chain_ids_hash_the_chain_below_with_the_layer() -> None:
    one, two = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    above = hashlib.sha256(f"sha256:{'1' * 64} {two}".encode()).hexdigest()
    assert chain_ids([one, two]) == ["1" * 64, above]
    assert chain_ids([]) == []


def test_an_archive_is_its_files_and_what_lies_between_them(tmp_path: Path) -> None:
    header = base64.b64encode(b"h" * 512).decode()
    entries = [
        {"type": 2, "payload": header},
        {"type": 1, "name": "a", "size": 1000},
        {"type": 1, "name": "b"},
    ]
    with gzip.open(tmp_path / "split", "wt") as rows:
        rows.writelines(json.dumps(entry) + "\n" for entry in entries)
    assert archive_bytes(tmp_path / "split") == 1512


def test_what_comes_from_outside_is_counted_once() -> None:
    assert received_bytes(INTERFACES) == 20181795686 + 100
