"""Who asks and what they may do: the client, the policy table, the password file, API tokens.

How a request is authenticated belongs in `server.requests`.
"""
