"""Chains that an ACME CA offers (RFC 8555 §7.4.2), told apart by the root that they lead to."""

from cryptography import x509
from cryptography.x509.oid import NameOID

TYPE = "application/pem-certificate-chain"


def leads_to(chain: bytes, common_name: str) -> bool:
    """Whether a certificate of the chain (PEM), or the issuer of its last one, has this common name."""
    try:
        found = x509.load_pem_x509_certificates(chain)
    except ValueError:
        return False
    names = [certificate.issuer for certificate in found]
    return any(
        each.value == common_name
        for name in names
        for each in name.get_attributes_for_oid(NameOID.COMMON_NAME)
    )
