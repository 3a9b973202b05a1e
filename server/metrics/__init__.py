"""Metrics: counts of what happens, and the text in which they are scraped.

Here belongs what counts and what writes; what is gathered for a scrape in
`server.transport.exposition`.
"""
