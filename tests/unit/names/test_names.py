import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.errors import ParseError, UsageError
from ci.names.digest import Digest, bare_digest, is_digest, parse_digest, short_digest
from ci.names.host import RegistryHost, is_loopback, parse_host
from ci.names.image_id import ExternalId, ImageId, is_external, parse_image_id, parse_parent
from ci.names.reference import Reference, find_reference, parse_reference

HEX = "0123456789abcdef" * 4
WHOLE = Reference(repository="docker.io/library/python", tag="3.11-slim", digest=Digest(HEX))


def test_a_digest_is_its_digits_and_prints_with_its_algorithm() -> None:
    digest = parse_digest(f"sha256:{HEX}")
    assert (digest, str(digest)) == (Digest(HEX), f"sha256:{HEX}")
    assert (bare_digest(HEX), bare_digest(f"sha256:{HEX}")) == (HEX, HEX)
    assert short_digest(f"sha256:{HEX}") == "0123456789ab"


@pytest.mark.parametrize(
    "text", ["", HEX, "sha256:", f"sha256:{HEX}0", f"sha512:{HEX}", f"sha256:{HEX.upper()}"]
)
def test_what_is_no_digest_is_refused_with_a_hint(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(ParseError, match=r"(?s)is not a digest.*\nhint: write sha256:"):
        parse_digest(text)


def test_a_parse_error_is_one_of_usage_and_of_values() -> None:
    assert issubclass(ParseError, UsageError)
    assert issubclass(ParseError, ValueError)


def test_an_image_variant_is_an_image_and_a_variant() -> None:
    assert parse_image_id("asr:cpu") == ImageId("asr", "cpu")
    assert str(ImageId("asr", "cpu")) == "asr:cpu"
    with pytest.raises(ParseError, match="'asr' is not an image variant"):
        parse_image_id("asr")


def test_a_parent_is_an_image_of_the_stack_or_one_from_outside() -> None:
    assert parse_parent("base:cpu") == ImageId("base", "cpu")
    assert parse_parent("outside:python") == ExternalId("python")
    assert str(ExternalId("python")) == "outside:python"
    assert [is_external(text) for text in ("outside:python", "base:cpu", "base")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"docker.io/library/python:3.11-slim@sha256:{HEX}", WHOLE),
        ("docker.io/library/python:3.11-slim", WHOLE.without_digest()),
        (f"docker.io/library/python@sha256:{HEX}", WHOLE.without_tag()),
        ("localhost:5000/team/asr", Reference(repository="localhost:5000/team/asr")),
        ("localhost/dockwright/asr:k-1", Reference(repository="localhost/dockwright/asr", tag="k-1")),
        ("[::1]:5000/team/asr:cpu", Reference(repository="[::1]:5000/team/asr", tag="cpu")),
    ],
)
def test_a_reference_is_a_repository_a_tag_and_a_digest(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text", ["", "<none>:<none>", "asr:", "asr@sha256:1", "Asr:cpu", "asr:cpu:cpu", "/asr"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    assert find_reference(text) is None
    with pytest.raises(ParseError, match="is not the reference of an image"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("docker.io/library/python:3", "docker.io"),
        ("127.0.0.1:5000/team/asr:cpu", "127.0.0.1:5000"),
        ("localhost/team/asr", "localhost"),
        ("team/asr:cpu", "docker.io"),
        ("asr:cpu", "docker.io"),
    ],
)
def test_the_host_of_a_reference_is_its_first_part_if_that_is_one(text: str, host: str) -> None:
    assert parse_reference(text).host == host


def test_an_image_is_found_in_its_namespace_alone() -> None:
    reference = parse_reference("registry.example.org/team/asr:cpu")
    assert reference.image_in("registry.example.org/team") == "asr"
    assert reference.image_in("registry.example.org/tea") == ""


@pytest.mark.parametrize(
    ("text", "host", "here"),
    [
        ("registry.example.org", RegistryHost("registry.example.org"), False),
        ("localhost:5000", RegistryHost("localhost", 5000), True),
        ("127.0.0.1", RegistryHost("127.0.0.1"), True),
        ("[::1]:5000", RegistryHost("::1", 5000), True),
        ("127.example.org", RegistryHost("127.example.org"), False),
    ],
)
def test_a_host_has_a_name_and_may_have_a_port(text: str, host: RegistryHost, here: bool) -> None:
    assert parse_host(text) == host
    assert is_loopback(text) is here


def test_a_host_is_connected_to_by_tls_unless_it_names_a_port() -> None:
    assert parse_host("registry.example.org").address == ("registry.example.org", 443)
    assert parse_host("localhost:5000").address == ("localhost", 5000)
    assert parse_host("docker.io").address == ("registry-1.docker.io", 443)


@pytest.mark.parametrize("text", ["", "a/b", "user@host", "host:", "host:port", "-a"])
def test_what_is_no_host_is_refused_and_is_not_this_machine(text: str) -> None:
    assert not is_loopback(text)
    with pytest.raises(ParseError, match="is not the host of a registry"):
        parse_host(text)


@given(
    st.from_regex(r"[a-z0-9]{1,9}(?:[._-][a-z0-9]{1,9}){0,2}", fullmatch=True),
    st.text("abc.-_K1", min_size=1),
)
def test_a_reference_that_can_be_parsed_prints_as_it_was_typed(repository: str, tag: str) -> None:
    text = f"{repository}:{tag}"
    found = find_reference(text)
    assert found is None or str(found) == text
