"""Output that goes wherever it has to."""

import io
import os

from ci.cli.display.stream import Stream


def stream_of(encoding: str) -> tuple[Stream, io.BytesIO]:
    raw = io.BytesIO()
    return Stream(io.TextIOWrapper(raw, encoding=encoding, newline="\n")), raw


def test_what_the_encoding_lacks_becomes_a_question_mark() -> None:
    out, raw = stream_of("latin-1")
    out.line("✓ größer")
    assert raw.getvalue() == "? größer\n".encode("latin-1")


def test_control_sequences_of_a_child_never_reach_the_terminal() -> None:
    out, raw = stream_of("utf-8")
    out.line("a\x1b[31mb\x1b]0;title\x07c\rd\ne\x00\x9bf")
    assert raw.getvalue() == b"a b c d e  f\n"


def test_a_colour_is_put_around_a_line() -> None:
    out, raw = stream_of("utf-8")
    out.line("built", colour="32")
    assert raw.getvalue() == b"\x1b[32mbuilt\x1b[0m\n"


def test_a_reader_that_is_gone_ends_the_output_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    out = Stream(stream)
    out.line("nobody reads this")
    out.line("nor this")
    os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # what is buffered still has somewhere to go
    stream.close()
    out.line("closed")
    assert not out.is_terminal


def test_a_stream_of_no_terminal_has_no_width() -> None:
    out, _ = stream_of("utf-8")
    assert (out.is_terminal, out.width) == (False, None)


def test_the_width_of_a_terminal_is_known() -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as stream:
        os.set_blocking(leader, False)
        out = Stream(stream)
        assert out.is_terminal
        assert out.width is None  # a terminal that nobody gave a size
    os.close(leader)
