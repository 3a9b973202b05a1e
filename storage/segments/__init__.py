"""What the index is made of: rows written recently, and sealed segments of all others.

Here belongs what holds rows and postings, and joins them. What a query means is `storage.query`,
and which part of the index has which row is `storage.index`.
"""
