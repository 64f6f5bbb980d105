"""Command line; see main.py."""
