"""Strongroom: storage."""
