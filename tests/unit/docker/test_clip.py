from importlib import import_module

from contract.span import Span

clips = import_module("clip").clips  # of asr, which is no package


def times(*spans: tuple[float, float]) -> list[tuple[float, float]]:
    found = clips([Span(start_s=start_s, end_s=end_s) for start_s, end_s in spans])
    return [(each.start_s, each.end_s) for each in found]


def test_neighbours_are_joined_as_long_as_whisper_hears_them_at_once() -> None:
    assert times((0, 1), (5, 9), (20, 28), (28.5, 30), (57, 58)) == [(0, 28), (28.5, 30), (57, 58)]


def test_a_longer_span_stays_whole() -> None:
    assert times((0, 100), (100, 101)) == [(0, 101)]
    assert times((0, 1), (2, 100)) == [(0, 1), (2, 100)]


def test_without_speech_there_is_no_clip() -> None:
    assert times() == []
