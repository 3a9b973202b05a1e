"""How a URL names a Redis: alone, behind Sentinels, or a Cluster.

    redis://USER:PASSWORD@HOST:6379/DATABASE                  plain TCP
    rediss://...                                              TLS
    unix:///PATH?db=DATABASE                                  a socket of this machine
    redis+sentinel://HOST:26379,HOST:26379/SERVICE/DATABASE   and rediss+sentinel
    redis+cluster://HOST:6379,HOST:6379                       and rediss+cluster

Source: the first three are read as redis-py's `from_url` does (redis-py, `redis.connection`,
parse_url), of whose options in the query those below are taken.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

MAX_URL: Final = 2048  # characters: some thirty Sentinels
MAX_HOSTS: Final = 64
PORT: Final = 6379
SENTINEL_PORT: Final = 26379


class Form(Enum):
    """How the primary is found."""

    ALONE = "alone"
    UNIX = "unix"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_FORMS: Final = {
    "redis": (Form.ALONE, False),
    "rediss": (Form.ALONE, True),
    "unix": (Form.UNIX, False),
    "redis+sentinel": (Form.SENTINEL, False),
    "rediss+sentinel": (Form.SENTINEL, True),
    "redis+cluster": (Form.CLUSTER, False),
    "rediss+cluster": (Form.CLUSTER, True),
}
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS: Final = frozenset({"db", "username", "password", "sentinel_auth", *_FILES})


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """Where a Redis is, and who asks.

    Attributes:
        form: how the primary is found.
        tls: whether connections are under TLS.
        hosts: (host, port) of Redis, of the Sentinels, or of some nodes of the Cluster.
        path: of the socket, for `Form.UNIX`.
        service: the name by which Sentinels know the primary.
        database: its number; a Cluster has number 0 only.
        username: of the ACL; empty: the default user.
        password: of that user; empty: none.
        sentinel_auth: whether Sentinels are given the same user and password.
        ca_file, certificate_file, key_file: PEM files that the URL names, or empty.
    """

    form: Form
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    sentinel_auth: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    @classmethod
    def parse(cls, url: str) -> "RedisPlace":
        """The place that a URL names.

        Raises:
            ValueError: it names none; the message is a phrase without the URL's content.
        """
        scheme, colon, rest = url.partition("://")
        if not colon or scheme not in _FORMS or len(url) > MAX_URL:
            raise ValueError(f"a Redis URL begins with {', '.join(_FORMS)} and ://")
        form, tls = _FORMS[scheme]
        split = urlsplit(f"x://{rest}")
        place = _with_options(cls(form, tls), _options(split.query))
        user, at, hosts = split.netloc.rpartition("@")
        if at:
            name, _, password = user.partition(":")
            place = replace(place, username=unquote(name), password=unquote(password))
        if form is Form.UNIX:
            return _at_socket(place, unquote(split.path))
        return _at_hosts(place, hosts, unquote(split.path))

    def __str__(self) -> str:
        """The place without who asks, and without options."""
        path = "".join(
            f"/{quote(str(part), safe='')}" for part in (self.service, self.database) if part
        )
        return f"{self._scheme}://{quote(self.path)}{self._hosts}{path}"

    @property
    def url(self) -> str:
        """A URL that names the same place, without the password."""
        path = quote(self.path) if self.path else f"/{quote(self.service, safe='')}"
        options = {
            "db": self.database,
            "sentinel_auth": "true" if self.sentinel_auth else "",
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
        }
        query = urlencode({name: value for name, value in options.items() if value})
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        return f"{self._scheme}://{user}{self._hosts}{path}{'?' if query else ''}{query}"

    @property
    def _scheme(self) -> str:
        return next(name for name, pair in _FORMS.items() if pair == (self.form, self.tls))

    @property
    def _hosts(self) -> str:
        hosts = (f"[{h}]:{p}" if ":" in h else f"{quote(h)}:{p}" for h, p in self.hosts)
        return ",".join(hosts)


def _with_options(place: RedisPlace, options: dict[str, str]) -> RedisPlace:
    if not place.tls and any(name in options for name in _FILES):
        raise ValueError("files for TLS are for rediss://")
    return replace(
        place,
        database=_number(options.get("db", "0"), 1 << 20, "database"),
        username=options.get("username", ""),
        password=options.get("password", ""),
        sentinel_auth=options.get("sentinel_auth", "").lower() in ("1", "true", "yes"),
        ca_file=options.get("ssl_ca_certs", ""),
        certificate_file=options.get("ssl_certfile", ""),
        key_file=options.get("ssl_keyfile", ""),
    )


def _at_socket(place: RedisPlace, path: str) -> RedisPlace:
    if not path.startswith("/"):
        raise ValueError("unix:// is followed by the whole path of a socket")
    return replace(place, path=path)


def _at_hosts(place: RedisPlace, hosts: str, path: str) -> RedisPlace:
    port = SENTINEL_PORT if place.form is Form.SENTINEL else PORT
    parts = hosts.split(",")
    if len(parts) > (1 if place.form is Form.ALONE else MAX_HOSTS):
        raise ValueError("there are too many hosts in the URL")
    place = replace(place, hosts=tuple(_host(part, port) for part in parts))
    words = [word for word in path.split("/") if word]
    if place.form is Form.SENTINEL:
        if not words:
            raise ValueError("the URL of Sentinels names the service after the hosts")
        place = replace(place, service=words.pop(0))
    if len(words) > 1:
        raise ValueError("the path of the URL has too many parts")
    if words:
        place = replace(place, database=_number(words[0], 1 << 20, "database"))
    if place.form is Form.CLUSTER and place.database:
        raise ValueError("a Redis Cluster has database 0 only")
    return place


def _options(query: str) -> dict[str, str]:
    options = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if unknown := options.keys() - _OPTIONS:
        raise ValueError(f"the URL has an option that is not known: {min(unknown)[:40]!r}")
    return options


def _host(text: str, default: int) -> tuple[str, int]:
    try:
        split = urlsplit(f"x://{text}")
        host, port = split.hostname, split.port
    except ValueError:
        raise ValueError("a host or port in the URL cannot be read") from None
    return unquote(host) if host else "localhost", default if port is None else port


def _number(text: str, limit: int, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > limit:
        raise ValueError(f"the {what} in the URL is a number")
    return int(text)
