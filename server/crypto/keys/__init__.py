"""Keys as such: new ones, their formats, and what can be told of them.

What is computed with them belongs in the rooms beside it.
"""
