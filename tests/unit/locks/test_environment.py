"""What uv is told of this machine."""

from __future__ import annotations

from ci.locks.uv import resolver_environment


def test_no_index_and_no_folder_of_this_machine_reaches_the_resolver() -> None:
    environment = {
        "PATH": "/usr/bin",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy:3128",
        "UV_CACHE_DIR": "/cache",
        "UV_INDEX": "https://mirror.example/simple",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX_COMPANY_PASSWORD": "secret",
        "UV_FIND_LINKS": "/opt/wheels",
        "UV_CONSTRAINT": "/etc/constraints.txt",
        "UV_PRERELEASE": "allow",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        "PIP_FIND_LINKS": "/opt/wheels",
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "PYTHONPATH": "/opt/lib",
        "VIRTUAL_ENV": "/venv",
    }
    assert resolver_environment(environment) == {
        "PATH": "/usr/bin",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy:3128",
        "UV_CACHE_DIR": "/cache",
        "UV_NO_CONFIG": "1",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }
