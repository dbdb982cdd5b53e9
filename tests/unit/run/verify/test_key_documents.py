"""Key documents from the state directory, by their keys."""

from __future__ import annotations

from pathlib import Path

from ci.catalog.load import load_stack
from ci.plan.keys import digest, documents, tag
from ci.run.verify.key_documents import stack_documents, stored_documents
from ci.run.workspace.image_record import ImageRecord
from ci.run.workspace.state import State
from tests.stacks import small_stack
from tests.unit.catalog.folder import StackFolder

DOCUMENT = documents(small_stack(), "bootstrap")["ml:cpu"]
KEY = digest(DOCUMENT)


def test_a_document_is_taken_only_if_it_is_of_its_key(tmp_path: Path) -> None:
    state = State(root=tmp_path)
    state.write_record("ml:cpu", tag(KEY), ImageRecord(document=DOCUMENT, layers=(), config_digest="c"))
    other = ImageRecord(document={**DOCUMENT, "uv": "0"}, layers=(), config_digest="c")
    state.write_record("asr:cpu", tag(KEY), other)
    wanted = [("ml:cpu", KEY), ("asr:cpu", KEY), ("mux:cpu", KEY)]
    assert stored_documents(state, wanted) == {("ml:cpu", KEY): DOCUMENT}


def test_a_stack_with_mistakes_gives_none(tmp_path: Path) -> None:
    assert stack_documents(tmp_path, "bootstrap", [("ml:cpu", KEY)]) == {}


def test_a_stack_gives_the_documents_of_the_keys_that_are_wanted(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path).path
    found = documents(load_stack(folder), "bootstrap")
    (id_, *_) = found
    wanted = [(id_, digest(found[id_])), (id_, KEY)]
    assert stack_documents(folder, "bootstrap", wanted) == {wanted[0]: found[id_]}
