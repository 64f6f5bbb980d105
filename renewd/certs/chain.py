"""The way from a leaf up to a root: putting it in order, and checking every step of it."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from renewd.certs import constraints, traits
from renewd.certs.traits import title

_BROKEN_HASHES = frozenset({"md5", "sha1", "sha224"})


def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """True if the issuer's name and its signature are on the certificate."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def weakly_signed(certificate: x509.Certificate) -> bool:
    """True if the signature is made with a broken hash; a root's signature on itself protects nothing and is none."""
    return _broken_hash(certificate) and certificate.issuer != certificate.subject


def _broken_hash(certificate: x509.Certificate) -> bool:
    algorithm = certificate.signature_hash_algorithm
    return algorithm is not None and algorithm.name in _BROKEN_HASHES


def _fits(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Signed by it, as far as can be told: a broken hash is not verified any more; the judge refuses it as what it is."""
    return certificate.issuer == issuer.subject and (_broken_hash(certificate) or signed(certificate, issuer))


def arrange(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The others in order, the leaf's issuer first; a root is left out unless nothing else stands above the leaf.

    Raises ValueError in words unless there is exactly one way up and every certificate is on it.
    """
    roots = [one for one in others if _fits(one, one)]
    left, path, last = [one for one in others if one not in roots], list[x509.Certificate](), leaf
    while parents := [one for one in left if _fits(last, one)]:
        if len(parents) > 1:
            raise ValueError(f"the chain has two certificates of {title(last.issuer)} that both fit")
        last = parents[0]
        left.remove(last)
        path.append(last)
    left += [root for root in roots if not any(_fits(one, root) for one in (leaf, *path))]
    if left:
        stray = title(left[0].subject)
        raise ValueError(f"the chain holds {stray}, which is not on the way from {title(leaf.subject)} up")
    return tuple(path or roots[:1])


def broken_at(leaf: x509.Certificate, chain: Sequence[x509.Certificate], now: datetime) -> str | None:
    """What is wrong with the first bad step of the way up, in words; None if all are good (RFC 5280 §6.1)."""
    below = leaf
    for depth, issuer in enumerate(chain):
        name = title(issuer.subject)
        if below.issuer != issuer.subject:
            return f"{title(below.subject)} is signed by {title(below.issuer)}, and not by {name}, which comes next"
        if not signed(below, issuer):
            return f"the signature of {name} on {title(below.subject)} cannot be verified"
        if problem := _unfit(issuer, depth, now) or constraints.overstepped(leaf, issuer):
            return f"{name} in the chain {problem}"
        below = issuer
    return None


def anchored(
    leaf: x509.Certificate,
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
) -> bool:
    """True if the way up ends at, or just below, one of the roots that is valid now."""
    if any(one in roots for one in chain):
        return True
    last = chain[-1] if chain else leaf
    return any(
        signed(last, root) and root.not_valid_before_utc <= now < root.not_valid_after_utc for root in roots
    )


def _unfit(issuer: x509.Certificate, depth: int, now: datetime) -> str | None:
    """Why this certificate may not stand above `depth` other CAs."""
    constraints = traits.extension(issuer, x509.BasicConstraints)
    usage = traits.extension(issuer, x509.KeyUsage)
    if constraints is None or not constraints.ca:
        return "is not a CA's"
    if usage is not None and not usage.key_cert_sign:
        return "may not sign certificates"
    if constraints.path_length is not None and constraints.path_length < depth:
        return f"may have no more than {constraints.path_length} CAs below it"
    if now >= issuer.not_valid_after_utc:
        return f"has expired, on {issuer.not_valid_after_utc:%Y-%m-%d}"
    if now < issuer.not_valid_before_utc:
        return f"is valid only from {issuer.not_valid_before_utc:%Y-%m-%d} on"
    return None
