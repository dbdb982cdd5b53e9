from __future__ import annotations

from xml.etree import ElementTree as ET

from bench.recording.picture import Frame, svg
from bench.recording.screen import Line, Run, Screen, Style

PLAIN = Style()
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


def shown(text: str, rows: int = 4, columns: int = 20) -> list[str]:
    screen = Screen(rows, columns)
    screen.write(text)
    return ["".join(run.text for run in line) for line in screen.lines()]


def test_lines_begin_where_a_carriage_return_puts_them() -> None:
    assert shown("one\r\ntwo\r\n") == ["one", "two"]
    assert shown("one\rtw") == ["twe"]
    assert shown("one\n two") == ["one", "    two"]


def test_a_live_display_is_drawn_over_itself() -> None:
    assert shown("a\r\nfirst\r\n1/2\r\x1b[2K\x1b[1A\x1b[2Kdone\r\n2/2") == ["a", "done", "2/2"]


def test_what_does_not_fit_scrolls_away() -> None:
    assert shown("1\r\n2\r\n3\r\n4\r\n5") == ["2", "3", "4", "5"]


def test_a_long_line_goes_on_in_the_next_one() -> None:
    assert shown("abcdefg", columns=3) == ["abc", "def", "g"]


def test_an_empty_line_stays_and_those_at_the_end_go() -> None:
    assert shown("1\r\n\r\n3\r\n\r\n", rows=9) == ["1", "", "3"]


def test_colours_end_where_they_are_reset() -> None:
    screen = Screen(4, 20)
    screen.write("\x1b[?25l\x1b[1;32mgood\x1b[0m and \x1b[2mquiet\x1b[22m\x1b[91m bad\x1b[39m!")
    assert screen.lines() == (
        (
            Run("good", Style(colour="green", bold=True)),
            Run(" and ", PLAIN),
            Run("quiet", Style(dim=True)),
            Run(" bad", Style(colour="red")),
            Run("!", PLAIN),
        ),
    )


def test_a_picture_draws_each_line_once_and_shows_each_frame() -> None:
    first: Line = (Run("$ a < b", PLAIN),)
    second: Line = (Run("ok", Style(colour="green")),)
    frames = [Frame(seconds=1, lines=(first,)), Frame(seconds=3, lines=(first, (), second))]
    root = ET.fromstring(svg(frames, rows=3, columns=20, title="a & b"))
    assert root.findtext("svg:title", namespaces=NAMESPACE) == "a & b"
    texts = root.findall(".//svg:defs/svg:text", NAMESPACE)
    assert ["".join(text.itertext()) for text in texts] == ["$ a < b", "ok"]
    assert [[use.get("href") for use in group] for group in root.findall(".//svg:g/svg:g", NAMESPACE)] == [
        ["#l0"],
        ["#l0", "#l1"],
    ]
    style = root.findtext("svg:style", namespaces=NAMESPACE) or ""
    assert "play 4.0s step-end infinite" in style
    assert "0.00% { transform: translateY(-0px) } 25.00% { transform: translateY(-75px) }" in style
