"""Strongroom: server. Few modules belong here: what a handler is given, and the service itself.

Everything else belongs in one of the rooms, which docs/overview.md draws.
"""
