from importlib import import_module

import pytest
from contract.span import Span

cue = import_module("cue")  # of subtitle-gen, which is no package


def texts(text: str) -> list[str]:
    return [each.text for each in cue.cues(Span(start_s=0, end_s=10), text, sung=False)]


def test_a_short_text_is_one_row_and_a_longer_one_two_of_about_the_same_length() -> None:
    assert texts("Good evening,  mister\nLime.") == ["Good evening, mister Lime."]
    assert texts("I never knew the old Vienna before the war with its music") == [
        "I never knew the old Vienna\nbefore the war with its music"
    ]


def test_a_text_without_words_has_no_cue() -> None:
    assert texts(" \n") == []


@pytest.mark.parametrize("text", ["word " * 60, "x" * 200, "well-known " * 30])
def test_no_row_is_too_long_no_cue_has_three_and_no_letter_is_lost(text: str) -> None:
    found = texts(text)
    rows = [row for each in found for row in each.split("\n")]
    assert all(len(row) <= 42 for row in rows)
    assert all(each.count("\n") <= 1 for each in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_the_cues_of_a_line_fill_its_time_in_proportion_to_their_text() -> None:
    found = list(cue.cues(Span(start_s=4, end_s=10), "a" * 40 + " " + "b" * 41 + " " + "c" * 41, sung=True))
    assert (found[0].start_s, found[-1].end_s) == (4, 10)
    assert [each.start_s for each in found[1:]] == [each.end_s for each in found[:-1]]
    assert [each.end_s - each.start_s for each in found] == pytest.approx([4.0, 2.0], abs=0.02)
    assert all(each.sung for each in found)


def test_a_short_cue_stays_for_a_while_but_not_into_the_next() -> None:
    def made(start_s: float, end_s: float) -> object:
        return cue.Cue(start_s=start_s, end_s=end_s, text="a", sung=False)

    kept = cue.unhurried([made(0, 0.1), made(0.5, 0.6), made(3, 5)])
    assert [(each.start_s, each.end_s) for each in kept] == [(0, 0.5), (0.5, 1.2), (3, 5)]
