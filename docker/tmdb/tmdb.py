"""Looks the film up in The Movie Database."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import requests
import tmdbv3api
from contract.error import CredentialError, InputError, ServiceError
from contract.film import Film, Role
from contract.job import Job
from contract.log import logger
from contract.media import Media
from contract.stage import Stage, run
from tmdbv3api.exceptions import TMDbException

SERVICE = "https://api.themoviedb.org/3"
CAST = 30
"""Roles that are kept; those after the first few dozen are seldom named."""
REFUSED = re.compile(r"invalid api key|suspended api key|authentication failed", re.IGNORECASE)
YEAR = re.compile(r"^(?P<title>.+?)[\s(\[]+(?P<year>(?:19|20)\d\d)\b")


def tmdb(job: Job, arguments: argparse.Namespace) -> None:
    """Write the film's facts."""
    key = _key(arguments.key_file)
    title, year = (arguments.title, arguments.year) if arguments.title else _guessed(job, arguments.year)
    logger.info("search", extra={"title": title, "year": year, "service": arguments.service})
    service = tmdbv3api.TMDb(session=requests.Session())
    service.api_key, service.language, service.cache = key, arguments.language, False
    search, movie = tmdbv3api.Search(), tmdbv3api.Movie()
    search._base = movie._base = arguments.service  # the library has no other way

    try:
        # Without hits the library's answer yields the names of its own fields instead.
        hits = [hit for hit in search.movies(title, year=year) if not isinstance(hit, str)]
        if not hits:
            raise InputError(
                f"The Movie Database knows no film '{title}' ({year or 'any year'}); name it with --title"
            )
        details = movie.details(hits[0].id, append_to_response="credits")
    except TMDbException as error:
        if REFUSED.search(str(error)):
            raise CredentialError(f"{arguments.service} refuses the API key: {error}") from None
        raise ServiceError(f"{arguments.service}: {error}") from None
    except requests.JSONDecodeError:
        raise ServiceError(f"{arguments.service}: its answer is not JSON; see --service") from None
    except requests.RequestException as error:
        # The text of the error holds the URL, and that holds the key.
        raise ServiceError(
            f"{arguments.service}: can't be reached ({type(error).__name__}); this stage needs the network"
        ) from None
    job.write(_film(details))


def _film(details: Any) -> Film:
    """Return what is kept of the service's answer."""
    try:
        date = str(details.get("release_date") or "")
        return Film(
            tmdb_id=details["id"],
            title=details["title"],
            original_title=details["original_title"],
            original_language=details["original_language"],
            year=int(date[:4]) if date[:4].isdigit() else None,
            overview=details.get("overview") or "",
            cast=tuple(
                Role(actor=each["name"], character=each.get("character") or "")
                for each in list(details["credits"]["cast"])[:CAST]
            ),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ServiceError(f"The Movie Database: its answer lacks what is needed ({error})") from None


def _key(file: Path | None) -> str:
    """Return the API key: from `file`, else TMDB_API_KEY_FILE, else TMDB_API_KEY."""
    named = file or (Path(name) if (name := os.environ.get("TMDB_API_KEY_FILE")) else None)
    if named is not None:
        try:
            key = named.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(f"{named}: the API key can't be read ({type(error).__name__})") from error
    else:
        key = os.environ.get("TMDB_API_KEY", "").strip()
    if not key:
        raise CredentialError(
            f"{named or 'TMDB_API_KEY'}: holds no API key of The Movie Database; set TMDB_API_KEY, or name a"
            " file that holds it with TMDB_API_KEY_FILE or --key-file (themoviedb.org/settings/api gives one)"
        )
    return key


def _guessed(job: Job, year: int | None) -> tuple[str, int | None]:
    """Return title and year as the film's file name gives them: `The.Third.Man.1949.mkv`."""
    stem = Path(job.read(Media).source).stem
    words = " ".join(re.split(r"[._\s]+", stem)).strip()
    found = YEAR.match(words)
    title = (found["title"] if found else words).strip(" ([-")
    if not title:
        raise InputError(f"{Media.file_name}: '{stem}' gives no title; name it with --title")
    return title, year or (int(found["year"]) if found else None)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the stage's own options."""
    parser.add_argument("--title", help="the film's title (guessed from its file name)")
    parser.add_argument("--year", type=int, help="its year (likewise)")
    parser.add_argument("--language", default="en-US", help="language of the facts (en-US)")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="a file that holds the API key")
    parser.add_argument(
        "--service",
        default=os.environ.get("TMDB_SERVICE", SERVICE),
        metavar="URL",
        help=f"where the service is; also TMDB_SERVICE ({SERVICE})",
    )


STAGE = Stage(
    name="tmdb",
    summary="Look the film up in The Movie Database: title, year, cast and characters.",
    reads=(
        f"{Media.file_name}  for the film's file name, unless --title is given",
        "TMDB_API_KEY or TMDB_API_KEY_FILE  the API key, from the environment; it is never logged",
    ),
    writes=(f"{Film.file_name}  the film's facts",),
    options=options,
    body=tmdb,
    limits=("look up series", "ask which of several films is meant: it takes the first found"),
)

if __name__ == "__main__":
    sys.exit(run(STAGE))
