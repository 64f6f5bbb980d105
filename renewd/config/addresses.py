"""HOST:PORT and URLs as the file writes them."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65535


def split(text: str) -> tuple[str, int]:
    """Host, without brackets, and port of HOST:PORT or [IPV6]:PORT. Raises ValueError for anything else."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    right = _is_ipv6(host) if bracketed else _HOST.fullmatch(host) is not None
    if not (right and _PORT.fullmatch(port) and 0 < int(port) <= _HIGHEST_PORT):
        raise ValueError(f"{text!r} is not HOST:PORT; write it like 127.0.0.1:8402 or [::1]:8402")
    return host, int(port)


def host_port(text: str) -> str:
    """The text, if `split` can split it. Raises ValueError otherwise."""
    split(text)
    return text


def host(text: str) -> str:
    """The host name in lower case. Raises ValueError if it is none."""
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is not a host name; write it like blob.example.net")
    return text.lower()


def is_loopback(host: str) -> bool:
    """Whether the host, as a URL gives it, is this machine whatever the resolver says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(text: str) -> str:
    """The URL without a slash at its end. Raises ValueError, which never repeats the URL, if it is not for an API."""
    url = _url(text)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError(
            "http:// would show the network what is sent, secrets too; write https://, http:// is for a loopback host"
        )
    if url.query or "?" in text:
        raise ValueError("a query is in the URL; write it without")
    return text.rstrip("/")


def directory_url(text: str) -> str:
    """The URL of an ACME directory, as it is written. Raises ValueError, which never repeats the URL, if it is none."""
    url = _url(text, "https://acme.example.net/directory")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError(
            "http:// would let anybody on the way answer for the CA; write https://, http:// is for a loopback host"
        )
    return text


def proxy(text: str) -> str:
    """The proxy's URL. Raises ValueError, which never repeats the URL, if it is none or holds a password."""
    url = _url(text)
    if url.path not in ("", "/") or "?" in text:
        raise ValueError(
            "more than host and port are in the URL; write it like http://proxy.example.net:3128"
        )
    return text.rstrip("/")


def _url(text: str, like: str = "https://api.example.net/public") -> SplitResult:
    try:
        url = urlsplit(text)
        port = url.port
        host = url.hostname or ""
    except ValueError:
        url, port, host = SplitResult("", "", "", "", ""), None, ""
    if url.scheme not in ("http", "https") or not (_HOST.fullmatch(host) or _is_ipv6(host)) or port == 0:
        raise ValueError(f"this is not a web address; write it like {like}")
    if url.username is not None or url.password is not None:
        raise ValueError(
            "a user or password is in the URL; write it without, secrets do not stand in this file"
        )
    if "#" in text or not text.isascii() or not text.isprintable() or any(sign in text for sign in ' \\"<>'):
        raise ValueError(
            "a fragment or a character that does not belong there is in the URL; write it without"
        )
    return url


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - the version
    except ValueError:
        return False
