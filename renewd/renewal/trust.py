"""The roots that what is issued must chain to, read from the system or a file."""

import re
import ssl
import threading
import warnings
from contextlib import suppress
from functools import lru_cache

from cryptography import x509

from renewd.config.model import Issuer, TrustFile
from renewd.errors import InstallFailed

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
)
_BLOCK = re.compile(b"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_QUIET = threading.Lock()  # what is warned of is one setting for all threads


def roots(issuer: Issuer) -> tuple[x509.Certificate, ...] | None:
    """The issuer's roots; None where `trust: none` wants none. Raises InstallFailed if they cannot be read."""
    if issuer.trust == "none":
        return None
    if isinstance(issuer.trust, TrustFile):
        return _chosen(issuer.trust.file)
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        try:
            found = () if path is None else _usable(_content(path))
        except OSError:
            continue
        if found:
            return found
    raise InstallFailed(
        "this machine has no file of trusted roots that can be read",
        stage="gate",
        remedy="install the package ca-certificates, or set issuers.*.trust: {file: PATH}",
    )


def _chosen(path: str) -> tuple[x509.Certificate, ...]:
    """What somebody chose counts as a whole or not at all: what is left out may be the one root that is needed."""
    try:
        return _whole(_content(path))
    except (OSError, ValueError) as error:
        raise InstallFailed(
            f"the roots in {path} cannot be read: {error}",
            stage="gate",
            remedy="put PEM certificates there, or change issuers.*.trust",
        ) from error


@lru_cache(maxsize=4)
def _whole(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Old roots have the serial number 0, of which cryptography warns and which is of no matter here."""
    with _QUIET, warnings.catch_warnings(action="ignore"):
        return tuple(x509.load_pem_x509_certificates(pem))


@lru_cache(maxsize=4)
def _usable(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The roots of a bundle that the system's vendor made; one that cannot be loaded stops none of the others."""
    found: list[x509.Certificate] = []
    with _QUIET, warnings.catch_warnings(action="ignore"):
        for block in _BLOCK.findall(pem):
            with suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(block))
    return tuple(found)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
