"""Private keys, and ids that are made once for one machine, by content and by path. Standard library only."""

import re
from pathlib import Path

LIMIT_BYTES = 4 * 2**20
"""The largest file that is read. A key or an id has some kilobytes."""
KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|\s|[A-Za-z0-9+/=:;,.@()-]){40}"
    rb"|PuTTY-User-Key-File-\d: "
    rb"|AGE-SECRET-KEY-1[A-Z0-9]{40}"
)
"""Source: RFC 7468, sections 10 and 11; RFC 4880, 6.2; OpenSSH, PROTOCOL.key; age, format."""
ONE_ID = re.compile(rb"\s*(?:[0-9a-fA-F]{32,128}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\s*")
"""A file that is one number of 128 bits or more, or a UUID, alone."""
IN_A_LINE = re.compile(rb"^(?:MY_HOSTID=\"[0-9a-f]{32}\"|InitiatorName=iqn\.\S+)", re.MULTILINE)
"""A host's id of popularity-contest; the name of an iSCSI initiator."""
PASSWORD = re.compile(
    rb"^\s*\w*(?:secret|passw(?:or)?d|dbpass|cookie)\w*\s*[=:]?\s*[\"'][A-Za-z0-9+/=_-]{12,}[\"']",
    re.MULTILINE | re.IGNORECASE,
)
"""A password that a maintainer script made up, as dbconfig-common and bacula do."""
IDS = re.compile(
    r"/etc/(machine-id|hostid)|/var/lib/dbus/machine-id|/var/lib/(systemd|urandom)/random-seed|"
    r"/etc/(ssh/ssh_host_.*_key|dropbear/dropbear_.*_host_key)(\.pub)?|/etc/munge/munge\.key|"
    r"/var/lib/rabbitmq/\.erlang\.cookie|/etc/(bind|unbound)/.*rndc.*\.key|"
    r"/var/lib/samba/.*(secrets|sam|schannel_store)\S*\.[tl]db|/etc/nvme/host(id|nqn)|"
    r"/etc/iscsi/initiatorname.*|/etc/ssl/(private|certs)/ssl-cert-snakeoil\.(key|pem)|"
    r"/etc/(popularity-contest\.conf|varnish/secret|ejabberd/ejabberd\.pem)"
)
"""Files that are an id or a secret whatever they contain."""


def what_is_sensitive(path: str, file: Path, *, made: bool) -> str:
    """Return what the regular file `file`, in the image at `path`, holds that no image may; empty if nothing.

    `made`: a program made it while the image was built, so that a password in it is a random one.

    Raises:
        OSError: it can't be read.
    """
    size = file.stat().st_size
    if not size:
        return ""
    if IDS.fullmatch(path):
        return "an id or a secret of one machine"
    if size > LIMIT_BYTES:
        return ""
    data = file.read_bytes()
    if KEY.search(data):
        return "a private key"
    if made and PASSWORD.search(data):
        return "a password"
    if ONE_ID.fullmatch(data) or IN_A_LINE.search(data):
        return "an id of one machine"
    return ""
