"""Encodings, bytes to items and back: `decode(bytes) -> Item`, `encode(Item) -> bytes`."""
