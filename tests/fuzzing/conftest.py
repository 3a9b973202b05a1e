"""A whole server without sockets, as the tests of `server` have it."""

from tests.server.conftest import ask, clock, config, server

__all__ = ["ask", "clock", "config", "server"]
