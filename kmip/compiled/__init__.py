"""TTLV read and written by functions that are compiled from the declarations of structures.

Theory: `kmip.encodings.ttlv` makes items of bytes and `kmip.structures` makes structures of items,
each in loops that know of no structure in particular. The declarations know enough to do both at
once: for a structure and a version, a function of straight-line Python is generated that reads the
structure from its bytes (`reading`), and another that writes it (`writing`), with no item between.

The generic way stays the definition. What a compiled function does not expect, be it wrong or only
rare, it does not judge: it raises `Irregular`, and the caller goes the generic way from the start,
which takes it or has the right error for it. So the compiled way takes a part of what the generic
way takes, with the same result, and has no error messages of its own. A field whose form has no row
in the tables of `reading` and `writing` goes through items for itself alone.
"""
