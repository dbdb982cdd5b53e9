"""Subtitle-gen writes a short text as SRT, WebVTT and ASS."""

import sys

sys.path.extend(["/run/probe/inputs/base", "/opt/app"])

from contract.lyrics import Lyrics, Singing
from contract.subtitle import Format, SubtitleFile, Subtitles
from contract.transcript import Line, Transcript
from stage_run import StageRun

LINES = (
    Line(start_s=0.5, end_s=1.5, text="Tom & Jerry <3"),
    Line(start_s=1.5, end_s=3.5, text="a sentence that nobody would be able to read on a single row"),
    Line(start_s=4.0, end_s=4.1, text="la la"),
)
SRT = """\
1
00:00:00,500 --> 00:00:01,500
Tom & Jerry <3

2
00:00:01,500 --> 00:00:03,500
a sentence that nobody would be
able to read on a single row

3
00:00:04,000 --> 00:00:04,700
♪ la la ♪

"""
VTT = "00:00:00.500 --> 00:00:01.500\nTom &amp; Jerry &lt;3\n"
ASS = "Dialogue: 0,0:00:04.00,0:00:04.70,Sung,,0,0,0,,♪ la la ♪"


def sung(line: Line) -> Singing:
    """Return `line` as lyrics-detection would, sung where it is la la."""
    la = line.text == "la la"
    return Singing(
        start_s=line.start_s, end_s=line.end_s, voiced_share=1, held_share=1, pulse=1, score=1, sung=la
    )


def main() -> None:
    """Write the subtitles."""
    transcript = Transcript(recognizer="r", language="en", lines=LINES)
    check = StageRun("subtitle-gen", transcript, Lyrics(threshold=0.5, lines=tuple(map(sung, LINES))))
    check.passes()
    files = tuple(SubtitleFile(format=each, file=f"subtitles.{each}") for each in Format)
    check.gives("subtitles.json", check.read(Subtitles), Subtitles(language="en", cues=3, files=files))
    texts = {each.format: (check.folder / each.file).read_text(encoding="utf-8") for each in files}
    check.gives("subtitles.srt", texts[Format.SRT], SRT)
    check.holds("the first cue is in subtitles.vtt", VTT in texts[Format.VTT])
    check.holds("the sung cue is in subtitles.ass", ASS in texts[Format.ASS])
    print("three cues in three formats, one of them sung")


if __name__ == "__main__":
    main()
