"""Files that installing packages generates, and that are in no package. Standard library only.

Each has a reason. They depend on what is installed alone; what is random or of one machine is not here.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generated:
    """A pattern of whole paths, and which program makes such files of what."""

    path: str
    reason: str


KNOWN = (
    Generated(r"/etc/ld\.so\.cache", "ldconfig: where libraries are"),
    Generated(r"/etc/alternatives(/.*)?", "update-alternatives: which program has a common name"),
    Generated(r"/var/lib/dpkg(/.*)?", "dpkg: what is installed"),
    Generated(r"/var/lib/apt(/extended_states|/(lists|mirrors)(/partial)?|/periodic)?", "apt: its state"),
    Generated(r"/var/lib/apt/lists/auxfiles", "apt: an empty folder"),
    Generated(r"/var/cache/(apt(/archives(/partial)?)?|ldconfig|fontconfig|man)?", "empty caches"),
    Generated(r"/var/cache/debconf(/.*\.dat)?", "debconf: answers to questions of packages"),
    Generated(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid|shells)", "adduser: accounts of packages"),
    Generated(r"/etc/\.pwd\.lock|/etc/security/opasswd", "passwd: empty files"),
    Generated(r"/var/lib/shells\.state", "update-shells: the shells of packages"),
    Generated(r"/etc/ssl/certs/(ca-certificates\.crt|[0-9a-f]{8}\.\d+|[^/]+\.pem)", "ca-certificates"),
    Generated(r"/etc/ca-certificates\.conf", "ca-certificates: its list"),
    Generated(r"/etc/rc[0-6S]\.d(/[SK]\d\d[^/]+)?", "update-rc.d: links to /etc/init.d"),
    Generated(r"/etc/systemd/(system|user)/[^/]+\.(wants|requires|upholds)(/[^/]+)?", "enabled units"),
    Generated(r"/etc/systemd/(system|user)/[^/]+\.(service|socket|timer|path)", "aliases of units"),
    Generated(r"/var/lib/systemd/deb-systemd-(user-)?helper-(enabled|masked)(/.*)?", "enabled units"),
    Generated(
        r"/etc/(localtime|timezone|environment|locale\.conf|default/locale|locale\.gen)", "tzdata, locales"
    ),
    Generated(r"/usr/lib/locale/(locale-archive|C\.utf8(/.*)?)", "locale-gen: the chosen locales"),
    Generated(r"/etc/(host\.conf|networks|motd|nsswitch\.conf|profile|fstab|opt)", "base-files, base-passwd"),
    Generated(r"/root/\.(bashrc|profile)|/etc/(dpkg/origins/default|inputrc)", "base-files: defaults"),
    Generated(r"/etc/pam\.d/common-[a-z-]+|/var/lib/pam(/.*)?", "pam-auth-update: how users are checked"),
    Generated(r"/var/(lib|cache)/ucf(/.*)?", "ucf: hashes of configuration files"),
    Generated(r"/etc/python3(/debian_config)?|/var/lib/python(/python3.*_installed)?", "python3"),
    Generated(r"/usr/local(/(bin|etc|games|include|lib|man|sbin|share|src|share/man))?", "base-files"),
    Generated(r"/usr/local/(lib/python3\.\d+(/dist-packages)?|share/ca-certificates)", "empty folders"),
    Generated(
        r"/usr/local/share/(fonts|sgml|xml)(/(declaration|dtd|entities|misc|stylesheet|schema))?", "empty"
    ),
    Generated(r"/usr/share/mime(/.*)?", "update-mime-database: all types of files"),
    Generated(r"/usr/share/applications/mimeinfo\.cache", "update-desktop-database: who opens what"),
    Generated(r"/usr/share/icons/[^/]+/icon-theme\.cache", "gtk-update-icon-cache: an index of pictures"),
    Generated(r"/usr/share/glib-2\.0/schemas/gschemas\.compiled", "glib-compile-schemas: all settings"),
    Generated(r"/usr/lib/[^/]+/gio/modules/giomodule\.cache", "gio-querymodules: an index of modules"),
    Generated(r"/usr/lib/[^/]+/gdk-pixbuf-[^/]+/[^/]+/loaders\.cache", "gdk-pixbuf: an index of loaders"),
    Generated(r"/usr/lib/[^/]+/gtk-\d\.0/[^/]+/(immodules|printbackends)\.cache", "gtk: an index"),
    Generated(r"/(etc|var/lib)/(xml|sgml|sgml-base|xml-core)(/.*)?", "update-xmlcatalog, update-catalog"),
    Generated(r"/var/lib/emacsen-common(/.*)?", "emacsen-common: installed add-ons"),
    Generated(r"/usr/share/info/dir(\.old)?", "install-info: an index of manuals"),
    Generated(r"/usr/share/fonts(/.*)?/(fonts\.(dir|scale|alias)|\.uuid)", "fonts: indices"),
    Generated(r"/etc/fonts/conf\.d/[^/]+", "fontconfig-config: chosen settings"),
    Generated(
        r"/var/lib/(ghostscript|aspell|dictionaries-common|ispell)(/.*)?", "indices of words and fonts"
    ),
    Generated(r"/var/log(/(btmp|wtmp|lastlog|faillog))?", "empty logs"),
    Generated(r"/var/(mail|spool(/mail)?|local|opt|backups|tmp)", "base-files: empty folders"),
    Generated(r"/run(/.*)?", "folders of services, which a container replaces"),
    Generated(r"/etc/apt/(sources\.list\.d/debian\.sources|apt\.conf\.d(/.*)?)", "the bootstrap base"),
    Generated(r"/etc/dpkg/dpkg\.cfg\.d(/.*)?", "the bootstrap base: what dpkg leaves out"),
    Generated(r"/(bin|sbin|lib|lib32|lib64|libx32|media|srv)", "the first folders of a system"),
)


class Allowed:
    """Which paths may be there without a package: those of `KNOWN`, and shell patterns of an image."""

    def __init__(self, patterns: list[str]) -> None:
        own = [re.escape(pattern).replace(r"\*", ".*") for pattern in patterns]
        self._pattern = re.compile("|".join(f"(?:{one})" for one in (*(one.path for one in KNOWN), *own)))

    def __call__(self, path: str) -> bool:
        """Whether `path` may be there."""
        return self._pattern.fullmatch(path) is not None
