"""What is remembered in memory only and lost at a restart: tickets, streams, lockout, limits.

What outlives the process belongs in the store.
"""
