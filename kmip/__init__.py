"""The protocol: items, encodings, messages, objects and attributes of KMIP 1.0 to 3.0.

No input or output, no clock, no randomness: every function gives the same for the same arguments.
"""
