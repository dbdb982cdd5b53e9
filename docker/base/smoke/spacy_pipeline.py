"""Saves a small spaCy pipeline with ruled entities to the folder argv[1]. Runs in the image pre-ner."""

import sys

import spacy

PATTERNS = [
    {"label": "GPE", "pattern": "Vienna"},
    {"label": "PERSON", "pattern": "Harry Lime"},
    {"label": "PERSON", "pattern": "Hary Lyme"},
    {"label": "DATE", "pattern": "1949"},
]


def main(folder: str, *flags: str) -> None:
    pipeline = spacy.blank("en")
    if "--without-entities" in flags:
        pipeline.add_pipe("sentencizer")
    else:
        pipeline.add_pipe("entity_ruler").add_patterns(PATTERNS)
    pipeline.to_disk(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
