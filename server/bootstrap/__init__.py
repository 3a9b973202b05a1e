"""The start of an unprovisioned server, until its operator has provisioned it.

Service after it belongs in `server.service`.
"""
