"""`make bench`: what this machine can do at best, and what we do on it, measured in the same run.

Everything runs on loopback with a PostgreSQL of its own, fsync on. See `run.py` for the order, and for each
measurement the module of its name.
"""
