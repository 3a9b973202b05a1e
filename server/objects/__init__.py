"""Managed objects between handlers and the store: records, index terms, transactions.

What an operation means belongs in `server.operations`.
"""
