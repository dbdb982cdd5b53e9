from tests.stacks import small_stack

STACK = small_stack()


def test_a_lineage_ends_at_the_root() -> None:
    assert [image.id for image in STACK.lineage("asr:cpu")] == ["asr:cpu", "ml:cpu", "base:cpu"]
    assert [image.id for image in STACK.lineage("base:cpu")] == ["base:cpu"]


def test_a_closure_has_what_images_are_built_on_in_the_stacks_order() -> None:
    assert [image.id for image in STACK.closure(["asr:cpu"])] == ["base:cpu", "ml:cpu", "asr:cpu"]
    assert STACK.closure([]) == ()
