"""A total deadline for an HTTP call: httpx's own timeouts start anew with every read."""
