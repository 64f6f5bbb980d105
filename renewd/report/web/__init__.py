"""The page, its metrics and its health, served by a thread of the daemon; nothing here is imported unless `web` is set.

Requests read what is published and change nothing. Read page.py, then app.py.
"""
