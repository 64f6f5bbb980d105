"""What all calls to a service go through: TLS with its roots, and a proxy."""

import ssl

import httpcore

from renewd import deadline
from renewd.errors import Unreachable


def context(ca_file: str | None, *, instead: bool) -> ssl.SSLContext:
    """What TLS has to be; the roots of `ca_file` `instead` of the system's or beside them. Raises Unreachable."""
    try:
        context = ssl.create_default_context(cafile=ca_file if instead else None)
        if ca_file is not None and not instead:
            context.load_verify_locations(ca_file)
    except OSError as error:
        raise Unreachable(
            f"the roots in {ca_file} cannot be used: {deadline.words(error)}",
            stage="api",
            remedy="Put a PEM file of root certificates there, or leave ca_file out.",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def proxy(url: str | None) -> httpcore.Proxy | None:
    """The proxy to go through, if any."""
    return None if url is None else httpcore.Proxy(url)
