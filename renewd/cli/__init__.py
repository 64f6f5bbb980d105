"""The command line: one module a family of commands; the only place that prints and picks exit codes.

Not for doing anything itself. Read main first.
"""
