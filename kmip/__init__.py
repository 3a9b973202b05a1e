"""Strongroom: kmip."""
