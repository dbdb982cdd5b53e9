"""Runs the stage tmdb (argv[1:]) beside a service of its own on the loopback device. Runs in the image tmdb.

The service answers as The Movie Database does, for one film and one API key.
Source: developer.themoviedb.org, version 3: search/movie, movie/{id}, authentication.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

KEY = "0123456789abcdef"
FILM = {
    "id": 1092,
    "title": "The Third Man",
    "original_title": "The Third Man",
    "original_language": "en",
    "release_date": "1949-08-31",
    "overview": "In Vienna, a writer of cheap novels looks for Harry Lime in 1949.",
    "credits": {
        "cast": [
            {"name": "Joseph Cotten", "character": "Holly Martins"},
            {"name": "Orson Welles", "character": "Harry Lime / The Friend (uncredited)"},
        ]
    },
}


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path.startswith("/broken"):
            self.answer(200, b"<html>busy</html>")
        elif query.get("api_key") != [KEY]:
            refusal = "Invalid API key: You must be granted a valid key."
            self.answer(401, {"success": False, "status_code": 7, "status_message": refusal})
        elif url.path == "/3/search/movie":
            hits = [FILM] if query.get("query") == ["The Third Man"] and query.get("year") == ["1949"] else []
            self.answer(200, {"page": 1, "results": hits, "total_pages": 1, "total_results": len(hits)})
        elif url.path == f"/3/movie/{FILM['id']}" and query.get("append_to_response") == ["credits"]:
            self.answer(200, FILM)
        else:
            self.answer(404, {"success": False, "status_code": 34, "status_message": "Not found."})

    def answer(self, status: int, value: object) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Leave stderr to the stage."""


def main(*args: str) -> int:
    """Return the exit code of the stage."""
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/{os.environ.get('TEST_PATH', '3')}"
    stage = [sys.executable, "/opt/app/tmdb.py", *args]
    done = subprocess.run(stage, env={**os.environ, "TMDB_SERVICE": base}, check=False)
    server.shutdown()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
