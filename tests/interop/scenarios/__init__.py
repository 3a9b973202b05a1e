"""What a PyKMIP client does and must see, one function each.

Every scenario is given a `Door` to a server, and performs against it, as a client that nobody else
is: its store of objects is empty at first. `@scenario` says in which versions it makes sense; the
tests read that line without importing the module (PyKMIP lives in another environment).
"""

import contextlib

from kmip.core import enums
from kmip.core.exceptions import OperationFailure
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie.client import ProxyKmipClient
from kmip.pie.exceptions import KmipOperationFailure

A = enums.CryptographicAlgorithm
Mask = enums.CryptographicUsageMask
Reason = enums.ResultReason
Type = enums.AttributeType

VERSIONS = {version.value: version for version in enums.KMIPVersion}


def scenario(since="1.0", until="2.0", server="plain"):
    """Mark a scenario.

    Args:
        since: the first version in which it is performed.
        until: the last.
        server: `plain` (all settings at their defaults) or `guarded` (users are configured,
            attributes that PyKMIP cannot decode are left out, and messages have at most 40 000
            bytes).
    """
    return lambda function: function


class Door:
    """A way into the server: clients of one version, each with its own connection.

    Args:
        task: `version`, `host`, `port`, `ca`, `configuration` (a PyKMIP configuration file) and
            `certificates`: by name the files of certificate and key.
    """

    def __init__(self, task):
        self._task = task
        self._open = []
        self.version = task["version"]
        self._client = None

    @property
    def is_2(self):
        """Whether messages have the forms of 2.0."""
        return self.version >= "2.0"

    @property
    def client(self):
        """The scenario's own client, connected."""
        if self._client is None:
            self._client = self.enter()
        return self._client

    @property
    def proxy(self):
        """The same client's lower layer."""
        return self.client.proxy

    def enter(self, name="own", **settings):
        """Another client, connected: `own` or `other`, with more settings of PyKMIP's."""
        certificate = self._task["certificates"][name]
        client = ProxyKmipClient(
            hostname=self._task["host"],
            port=self._task["port"],
            ca=self._task["ca"],
            cert=certificate["certificate"],
            key=certificate["key"],
            config_file=self._task["configuration"],
            kmip_version=VERSIONS[float(self.version)],
            **settings,
        )
        client.open()
        self._open.append(client)
        return client

    def close(self):
        """Close all connections."""
        for client in self._open:
            client.close()


@contextlib.contextmanager
def refused(*reasons):
    """The server refuses what is done inside, for one of these reasons."""
    found = None
    try:
        yield
    except (KmipOperationFailure, OperationFailure) as error:
        found = error
    assert found, f"not refused; expected {reasons}"
    assert found.reason in reasons, found
    assert str(found)


_attributes = AttributeFactory()


def attribute(kind, value, index=None):
    """An attribute by its type, or its `x-` name."""
    return _attributes.create_attribute(kind, value, index)


def values(client, uid, *names):
    """The values of the named attributes, in the order of the answer: `[(name, value)]`."""
    answered, attributes = client.get_attributes(uid, list(names))
    assert answered == uid
    return [(each.attribute_name.value, each.attribute_value) for each in attributes]


def value(client, uid, name):
    """The value of an attribute that the object has exactly once."""
    ((named, found),) = values(client, uid, name)
    assert named == name
    return found.value


def state(client, uid):
    """The object's State."""
    return value(client, uid, "State")
