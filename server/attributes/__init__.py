"""The attributes of managed objects: initial ones, changes, and rules for those to be made.

How attributes are encoded belongs in `kmip`.
"""
