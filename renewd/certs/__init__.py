"""Certificates: reading what is on disk, and judging what was issued.

Not for files, networks or time: bytes and `now` are handed in. Read bundle.py first, then gate.py.
"""
