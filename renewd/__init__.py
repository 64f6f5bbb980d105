"""renewd keeps TLS certificates renewed; docs/architecture.md says where everything is."""

__version__ = "0.1.0"
