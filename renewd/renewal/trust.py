"""The roots that what is issued must chain to, read from the system or a file."""

import ssl
from functools import lru_cache

from cryptography import x509

from renewd.config.model import Issuer, TrustFile
from renewd.errors import InstallFailed

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
)


def roots(issuer: Issuer) -> tuple[x509.Certificate, ...] | None:
    """The issuer's roots; None where `trust: none` wants none. Raises InstallFailed if they cannot be read."""
    if issuer.trust == "none":
        return None
    if isinstance(issuer.trust, TrustFile):
        try:
            return _read(issuer.trust.file)
        except (OSError, ValueError) as error:
            raise InstallFailed(
                f"the roots in {issuer.trust.file} cannot be read: {error}",
                stage="gate",
                remedy="put PEM certificates there, or change issuers.*.trust",
            ) from error
    for path in (ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if path is not None:
            try:
                return _read(path)
            except FileNotFoundError:
                continue
    raise InstallFailed(
        "this machine has no file of trusted roots",
        stage="gate",
        remedy="install the package ca-certificates, or set issuers.*.trust: {file: PATH}",
    )


def _read(path: str) -> tuple[x509.Certificate, ...]:
    with open(path, "rb") as file:
        pem = file.read()
    return _parsed(pem)


@lru_cache(maxsize=4)
def _parsed(pem: bytes) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem))
