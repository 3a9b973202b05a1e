"""What is known of clients between requests: tickets, streams, lockout, turns.

What all servers on one store must agree on belongs in the store, as records
(`server.objects.own_records`); the rest is in memory only and lost at a restart.
"""
