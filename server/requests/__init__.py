"""One message to its response: authentication, batches, dispatch, audit.

Sockets belong in `server.transport`, handlers in `server.operations`.
"""
