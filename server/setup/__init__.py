"""What a start needs before anything is served: settings, files, logs, the store, provisioning.

Nothing of a request belongs here.
"""
