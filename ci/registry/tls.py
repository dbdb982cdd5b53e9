"""The certificates by which registries are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATES = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))
"""Folders with the certificate authorities of single registries. Source: containers-certs.d(5)."""
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""In the text of an error of TLS."""


def tls_context(host: str) -> ssl.SSLContext:
    """Return the TLS settings of connections: the machine's authorities, and those for `host`.

    SSL_CERT_FILE replaces the machine's. A certificate that can't be read is ignored.
    """
    context = ssl.create_default_context()
    for folder in CERTIFICATES:
        for path in sorted(folder.joinpath(host).glob("*.crt")):
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError):
                continue
    return context
