"""Configurations made of what other programs are set up with; they read, and write nothing.

Not for certificates themselves. Read certbot.py.
"""
