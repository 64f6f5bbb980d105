"""The YAML file: its models, loading it with every fault placed, secrets, and the targets it names.

Not for reading certificates or anything else a target points at. Read model.py, then load.py.
"""
