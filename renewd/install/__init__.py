"""What a web server sees: version folders, the links or fixed files that show one, and switching between them.

Not for deciding whether a certificate may be installed (certs.gate), nor for hooks. Read layouts.py, then installer.py.
"""
