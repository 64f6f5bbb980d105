"""Telling people and machines what is known and what happens: subscribers to events, and views of what is known.

Not for doing or deciding anything. Views are pure, from values to text or a document. Read style.py, then checks.py.
"""
