"""Strongroom: server."""
