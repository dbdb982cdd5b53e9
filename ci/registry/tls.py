"""Which certificates a registry is trusted by."""

from __future__ import annotations

import ssl
from pathlib import Path

CERTIFICATES = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))
"""Folders with the certificates of a registry's own authority. Source: containers-certs.d(5)."""
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""In the text of an error of TLS."""


def tls_context(host: str) -> ssl.SSLContext:
    """Return what connections are made with: the machine's authorities, and those kept for `host`.

    SSL_CERT_FILE names other ones. A certificate that can't be read is left out.
    """
    context = ssl.create_default_context()
    for folder in CERTIFICATES:
        for path in sorted(folder.joinpath(host).glob("*.crt")):
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError):
                continue
    return context
