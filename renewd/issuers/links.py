"""Addresses that the service hands out: which may be fetched from, and which may be handed back to it. Pure."""

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

_PLAIN = re.compile(r"[!-~]{1,4096}")  # printable ASCII without blanks
_LABELS = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_OWN = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 §2.1: the last 32 bits are an IPv4 address


def check(url: str, hosts: Collection[str], *, near: bool) -> None:
    """Raises ValueError, in words without the query, for a link that nothing may be downloaded from.

    `near`: the API itself is on a loopback address, as a sandbox is; then http, any port and any address will do.
    `hosts`: if there are any, the only ones allowed.
    """
    parts, port = _split(url)
    if near and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("the link is http to another machine")
    if not near:
        _check_far(parts, port)
    if hosts and (parts.hostname or "") not in {host.lower() for host in hosts}:
        raise ValueError(f"the link leads to {parts.hostname}, which is not among download_hosts")


def check_order(uri: str, *, near: bool) -> None:
    """Raises ValueError, in words, for what cannot be an order's address. It is not fetched, but sent in a query."""
    parts, _ = _split(uri)
    if parts.scheme == "http" and not near:
        raise ValueError("the order's address is http")


def check_call(url: str, *, near: bool) -> None:
    """Raises ValueError, in words, for what a service may not name as an address of its own that we are to call."""
    parts, _ = _split(url)
    if parts.scheme == "http" and not (near and is_loopback(parts.hostname or "")):
        raise ValueError("the link is http to another machine" if near else "the link is not https")


def is_loopback(host: str) -> bool:
    """Whether a URL's host is this machine, by its looks alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def is_near(url: str) -> bool:
    """Whether a URL's host is this machine; False for what is no URL."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an address is one of the public network: not private, link-local, loopback or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def is_inside(address: str) -> bool:
    """Whether an address is of somebody's own network (RFC 1918, RFC 4193): neither this machine's nor one link's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in _OWN if network.version == found.version)


def _split(url: str) -> tuple[SplitResult, int | None]:
    if not _PLAIN.fullmatch(url) or "\\" in url:
        raise ValueError("the link holds blanks, control characters or too much")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the link is not a URL") from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("the link is neither https nor http")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("the link holds a user name")
    if "#" in url:
        raise ValueError("the link has a fragment")
    if not _is_host(parts.hostname or ""):
        raise ValueError("the link has no proper host")
    return parts, port


def _check_far(parts: SplitResult, port: int | None) -> None:
    host = parts.hostname or ""
    if parts.scheme != "https":
        raise ValueError(f"the link to {host} is not https")
    if port not in {None, 443}:
        raise ValueError(f"the link to {host} is to port {port}, not 443")
    if (
        _is_address(host) or host.rstrip(".").rpartition(".")[2].isdigit()
    ):  # 2130706433 is 127.0.0.1 to a resolver
        raise ValueError(f"the link leads to the bare address {host}")
    if is_loopback(host):
        raise ValueError(f"the link leads to this machine itself, {host}")


def _is_host(host: str) -> bool:
    return _is_address(host) or _LABELS.fullmatch(host) is not None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
