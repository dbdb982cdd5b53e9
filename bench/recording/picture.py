"""An animated SVG of a terminal session: a frame per screen, each line drawn once. Pure.

It plays without a script, wherever pictures are shown. Readers who ask for less motion see the last frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.recording.screen import Line, Run

COLUMN_PX, ROW_PX, MARGIN_PX = 7.8, 17, 12
CSS = """
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace }
text { fill: #d8dee9; white-space: pre }
.red { fill: #f07178 } .green { fill: #a3d977 } .yellow { fill: #f2c75c } .blue { fill: #7aa8f5 }
.magenta { fill: #d08be0 } .cyan { fill: #6fcfd8 } .black { fill: #7a8394 }
.bold { font-weight: bold } .dim { opacity: .65 }
""".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is on the screen for `seconds`."""

    seconds: float
    lines: tuple[Line, ...]


def svg(frames: Sequence[Frame], *, rows: int, columns: int, title: str) -> str:
    """Return the picture of `frames`, which are played again and again."""
    width, height = round(columns * COLUMN_PX + 2 * MARGIN_PX), rows * ROW_PX + 2 * MARGIN_PX
    drawn: dict[Line, int] = {}
    strips = []
    for number, frame in enumerate(frames):
        uses = "".join(
            f'<use href="#l{drawn.setdefault(line, len(drawn))}" y="{number * height + (row + 1) * ROW_PX}"/>'
            for row, line in enumerate(frame.lines)
            if line
        )
        strips.append(f"<g>{uses}</g>")
    lines = "".join(
        f'<text id="l{number}">{"".join(map(_span, line))}</text>' for line, number in drawn.items()
    )
    total = sum(frame.seconds for frame in frames)
    last = f"translateY(-{(len(frames) - 1) * height}px)"
    inside = f'width="{width - MARGIN_PX}" height="{height - MARGIN_PX}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f"<title>{escape(title)}</title>",
            f"<style>{CSS}",
            f"#play {{ animation: play {total:.1f}s step-end infinite }}",
            f"@keyframes play {{ {_steps(frames, height, total)} }}",
            f"@media (prefers-reduced-motion) {{ #play {{ animation: none; transform: {last} }} }}</style>",
            f"<defs>{lines}</defs>",
            f'<rect width="{width}" height="{height}" rx="6" fill="#1f2430"/>',
            f'<svg x="{MARGIN_PX}" y="{MARGIN_PX - 4}" {inside}>',
            '<g id="play">',
            *strips,
            "</g></svg></svg>\n",
        )
    )


def _steps(frames: Sequence[Frame], height: int, total: float) -> str:
    steps, now = [], 0.0
    for number, frame in enumerate(frames):
        steps.append(f"{100 * now / total:.2f}% {{ transform: translateY(-{number * height}px) }}")
        now += frame.seconds
    return " ".join(steps)


def _span(run: Run) -> str:
    style = run.style
    classes = " ".join(filter(None, (style.colour, "bold" * style.bold, "dim" * style.dim)))
    text = escape(run.text)
    return f'<tspan class="{classes}">{text}</tspan>' if classes else f"<tspan>{text}</tspan>"
