"""Who is asking."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Client:
    """A client, once it is known who it is.

    Attributes:
        name: what it is called: the certificate's Common Name, or the user's name. Objects belong
            to this name.
        how: how it was identified: `certificate`, `user`, `device` or `ticket`.
        rights: operations that its ticket allows; None: all.
    """

    name: str
    how: str = "certificate"
    rights: tuple[object, ...] | None = field(default=None, repr=False)
