"""Encodings, bytes to items and back; `codec` has what they have in common, and their table."""
