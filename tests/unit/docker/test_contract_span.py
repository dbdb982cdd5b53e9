import pytest
from contract.activity import active_spans
from contract.span import Span, intersection, overlap_s, union
from pydantic import ValidationError


def span(start_s: float, end_s: float) -> Span:
    return Span(start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(1.0, 1.0), (2.0, 1.0), (-0.1, 1.0), (float("nan"), 1.0), (0.0, float("inf"))]
)
def test_a_span_without_length_or_of_no_real_time_is_refused(start_s: float, end_s: float) -> None:
    with pytest.raises(ValidationError):
        span(start_s, end_s)


def test_a_union_joins_what_touches_and_orders_the_rest() -> None:
    assert union([span(5, 6), span(0, 2), span(1, 1.5), span(2, 3)]) == [span(0, 3), span(5, 6)]


def test_an_intersection_keeps_only_what_lies_in_both() -> None:
    assert intersection([span(0, 4), span(6, 8)], [span(1, 2), span(3, 7), span(8, 9)]) == [
        span(1, 2),
        span(3, 4),
        span(6, 7),
    ]


def test_spans_that_only_touch_share_nothing() -> None:
    assert intersection([span(0, 1)], [span(1, 2)]) == []
    assert overlap_s(span(0, 1), span(1, 2)) == 0
    assert overlap_s(span(0, 3), span(1, 2)) == 1


def spans_of(scores: list[float], **options: float) -> list[tuple[float, float]]:
    found = active_spans(scores, step_s=0.1, length_s=len(scores) * 0.1, **options)
    return [(each.start_s, each.end_s) for each in found]


def test_a_span_begins_at_the_onset_and_lasts_until_the_offset() -> None:
    scores = [0.4, 0.4, 0.6, 0.4, 0.4, 0.4, 0.3, 0.0]
    assert spans_of(scores, pad_s=0.0) == [(0.2, 0.6)]


def test_a_short_pause_does_not_end_a_span_and_a_long_one_does() -> None:
    scores = [0.9] * 4 + [0.0] + [0.9] * 4 + [0.0] * 4 + [0.9] * 4
    assert spans_of(scores, pad_s=0.0, min_pause_s=0.2) == [(0.0, 0.9), (1.3, 1.7)]


def test_a_short_span_is_dropped() -> None:
    scores = [0.0, 0.9, 0.0, 0.0, 0.9, 0.9, 0.9, 0.0]
    assert spans_of(scores, pad_s=0.0) == [(0.4, 0.7)]


def test_padding_stays_within_the_sound_and_joins_what_it_makes_touch() -> None:
    scores = [0.9] * 3 + [0.0] * 2 + [0.9] * 3
    assert spans_of(scores, pad_s=0.05, min_pause_s=0.0) == [(0.0, 0.35), (0.45, 0.8)]
    assert spans_of(scores, pad_s=0.1, min_pause_s=0.0) == [(0.0, 0.8)]


def test_silence_has_no_spans() -> None:
    assert spans_of([0.0] * 9) == []
    assert spans_of([]) == []
