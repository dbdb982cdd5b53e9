"""The hierarchy of a stack as text: a tree for people, Mermaid for Markdown, DOT for Graphviz. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ci.catalog.stack import ImageVariant, Stack
from ci.plan.references import external_reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """The strokes of a tree; all four have the same width."""

    fork: str
    last: str
    line: str
    gap: str


UNICODE = Strokes(fork="├── ", last="└── ", line="│   ", gap="    ")
ASCII = Strokes(fork="|-- ", last="`-- ", line="|   ", gap="    ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """One line of a tree; `text` starts with its strokes."""

    text: str
    title: str


def chosen(stack: Stack, ids: Collection[str]) -> tuple[ImageVariant, ...]:
    """Return the image variants of `ids`, in the stack's order."""
    wanted = frozenset(ids)
    return tuple(image for image in stack.images if image.id in wanted)


def tree_lines(stack: Stack, ids: Collection[str], strokes: Strokes = UNICODE) -> tuple[str, ...]:
    """Return the tree of `ids` below their external bases, one image variant per line with its title."""
    images = chosen(stack, ids)
    nodes: list[_Node] = []
    for outside in _outside(images):
        nodes.append(_Node(text=outside, title=_tagged(stack, outside)))
        nodes += _nodes(images, outside, strokes)
    width = max((len(node.text) for node in nodes), default=0)
    return tuple(f"{node.text.ljust(width)}  {node.title}" for node in nodes)


def mermaid(stack: Stack, ids: Collection[str]) -> str:
    """Return a Mermaid flowchart of `ids`, for a Markdown page."""
    images = chosen(stack, ids)
    names = _names(images)
    lines = ["flowchart LR"]
    lines += [f'    {names[outside]}(["{_tagged(stack, outside)}"])' for outside in _outside(images)]
    lines += [f'    {names[image.id]}["{image.id}"]' for image in images]
    lines += [f"    {names[image.parent]} --> {names[image.id]}" for image in images]
    return "\n".join(lines) + "\n"


def dot_source(stack: Stack, ids: Collection[str]) -> str:
    """Return a Graphviz graph of `ids`.

    Source: Graphviz, the DOT language: an ID in double quotes escapes only the quote.
    """
    images = chosen(stack, ids)
    lines = [
        f"digraph {_quoted(stack.name)} {{",
        "    rankdir=LR;",
        '    node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    lines += [
        f"    {_quoted(outside)} [label={_quoted(_tagged(stack, outside))}, style=dashed];"
        for outside in _outside(images)
    ]
    lines += [f"    {_quoted(image.id)} [tooltip={_quoted(image.title)}];" for image in images]
    lines += [f"    {_quoted(image.parent)} -> {_quoted(image.id)};" for image in images]
    return "\n".join([*lines, "}"]) + "\n"


def _nodes(images: Sequence[ImageVariant], outside: str, strokes: Strokes) -> Iterator[_Node]:
    """Yield a line for each image below the external base `outside`, each before its children."""
    children: dict[str, list[ImageVariant]] = {}
    for image in images:
        children.setdefault(image.parent, []).append(image)
    waiting = _below(children, outside, "")
    while waiting:
        image, indent, is_last = waiting.pop()
        yield _Node(text=f"{indent}{strokes.last if is_last else strokes.fork}{image.id}", title=image.title)
        waiting += _below(children, image.id, indent + (strokes.gap if is_last else strokes.line))


def _below(
    children: Mapping[str, Sequence[ImageVariant]], parent: str, indent: str
) -> list[tuple[ImageVariant, str, bool]]:
    """Return the children of `parent`, the first one last, with its indent and whether it is the last."""
    own = children.get(parent, ())
    return [(image, indent, image is own[-1]) for image in reversed(own)]


def _outside(images: Sequence[ImageVariant]) -> list[str]:
    return sorted({image.parent for image in images if image.is_root})


def _tagged(stack: Stack, outside: str) -> str:
    """Return the reference of an external base without its digest, which would fill a line."""
    return str(external_reference(stack, outside).without_digest())


def _names(images: Sequence[ImageVariant]) -> dict[str, str]:
    """Return a node name without punctuation for each image and each external base.

    Two ids that differ by punctuation alone get different names.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id_ in [*_outside(images), *(image.id for image in images)]:
        name = "".join(c if c.isalnum() else "_" for c in id_)
        while name in taken:
            name += "_"
        taken.add(name)
        names[id_] = name
    return names


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
