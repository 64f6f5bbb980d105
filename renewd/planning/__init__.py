"""Deciding, and nothing else: when a certificate is due, and when a failed renewal is tried again.

Not for looking at disks or clocks: facts and `now` are handed in. Read decision.py first.
"""
