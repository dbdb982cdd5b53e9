"""What a container that may reach the network gets of this machine: certificates and proxies.

They are mounts and environment of one run, never of an image, and so in no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_TRUSTED_HOST")
CA_TARGET = "/run/dockwright-ca.crt"
DEBIAN_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def ca_bundle(environ: Mapping[str, str]) -> Path | None:
    """Return this machine's bundle of certificate authorities, None where it has none."""
    named = [Path(environ[name]) for name in CA_VARIABLES if environ.get(name)]
    return next((path for path in (*named, DEBIAN_BUNDLE) if path.is_file()), None)


def network_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run that may reach the network."""
    env = {name: environ[name] for name in (*PROXY_VARIABLES, *INDEX_VARIABLES) if environ.get(name)}
    if ca_bundle(environ) is not None:
        env |= dict.fromkeys(CA_VARIABLES, CA_TARGET)
    return env


def network_mounts(environ: Mapping[str, str]) -> list[tuple[Path, str, str]]:
    """Return the mounts of a run that may reach the network."""
    bundle = ca_bundle(environ)
    return [(bundle.resolve(), CA_TARGET, "ro")] if bundle is not None else []
