"""Hooks: running the commands around going live, and surviving whatever they do.

Not for deciding when or for whom one runs, nor for what its failure means: that is renewal. Read command.py first.
"""
