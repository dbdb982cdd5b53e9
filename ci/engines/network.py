"""What a container that may reach the network gets of this machine: certificates, proxies, and the index.

They are mounts and environment of one run, never of an image, and so in no key. Addresses of proxies and of
the index may have passwords in them, so they are a file that only the program in the container reads: what is
in the arguments or the environment of an engine's command can be read by others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_TRUSTED_HOST")
CA_TARGET = "/run/dockwright-ca.crt"
SECRETS_TARGET = "/run/dockwright-network.json"
SECRETS_VARIABLE = "DOCKWRIGHT_NETWORK_FILE"
DEBIAN_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def ca_bundle(environ: Mapping[str, str]) -> Path | None:
    """Return this machine's bundle of certificate authorities, None where it has none."""
    named = [Path(environ[name]) for name in CA_VARIABLES if environ.get(name)]
    return next((path for path in (*named, DEBIAN_BUNDLE) if path.is_file()), None)


def network_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a run that may reach the network: paths, and no secret."""
    ca = dict.fromkeys(CA_VARIABLES, CA_TARGET) if ca_bundle(environ) is not None else {}
    return {**ca, SECRETS_VARIABLE: SECRETS_TARGET}


def network_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the file of a run that may reach the network: its content by its path in the container.

    It is a JSON object of variables, see ci/wheelhouse/program/start.py.
    """
    names = (*PROXY_VARIABLES, *INDEX_VARIABLES)
    return {SECRETS_TARGET: json.dumps({name: environ[name] for name in names if environ.get(name)})}


def network_mounts(environ: Mapping[str, str]) -> list[tuple[Path, str, str]]:
    """Return the mounts of a run that may reach the network."""
    bundle = ca_bundle(environ)
    return [(bundle.resolve(), CA_TARGET, "ro")] if bundle is not None else []
