"""Who is asking."""

from dataclasses import dataclass, field

from server.sessions.tickets import Permission


@dataclass(frozen=True, slots=True)
class Client:
    """A client, once it is known who it is.

    Attributes:
        name: what it is called: the certificate's Common Name, or the user's name. Objects belong
            to this name.
        how: how it was identified: `certificate`, `user`, `device` or `ticket`.
        permission: what its ticket allows; None: it has shown none, and may do everything.
    """

    name: str
    how: str = "certificate"
    permission: Permission | None = field(default=None, repr=False, compare=False)
