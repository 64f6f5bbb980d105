"""Name constraints: what a CA in the chain may certify, and what not (RFC 5280 §4.2.1.10).

Names of hosts and subjects are compared; a server's certificate of ours has no others.
"""

from collections.abc import Iterable, Sequence

from cryptography import x509

from renewd.certs import traits


def overstepped(leaf: x509.Certificate, issuer: x509.Certificate) -> str | None:
    """What the issuer was not allowed to certify, in words that follow on "it"; None if it may do all of it."""
    limits = traits.extension(issuer, x509.NameConstraints)
    if limits is None:
        return None
    permitted, excluded = limits.permitted_subtrees or (), limits.excluded_subtrees or ()
    hosts, allowed, banned = _hosts(leaf), _of(x509.DNSName, permitted), _of(x509.DNSName, excluded)
    for host in hosts:
        if any(_covers(limit.value, host) for limit in banned) or (
            allowed and not any(_covers(limit.value, host) for limit in allowed)
        ):
            return f"may not certify {host}"
    subject = _parts(leaf.subject)
    trees, others = _of(x509.DirectoryName, permitted), _of(x509.DirectoryName, excluded)
    outside = trees and not any(_begins(subject, limit.value) for limit in trees)
    if subject and (outside or any(_begins(subject, limit.value) for limit in others)):
        return f"may not certify the subject {traits.title(leaf.subject)}"
    return None


def _hosts(leaf: x509.Certificate) -> tuple[str, ...]:
    names = traits.extension(leaf, x509.SubjectAlternativeName)
    return tuple(names.get_values_for_type(x509.DNSName)) if names else ()


def _of(kind: type[x509.GeneralName], limits: Iterable[x509.GeneralName]) -> list[x509.GeneralName]:
    return [limit for limit in limits if isinstance(limit, kind)]


def _covers(limit: str, host: str) -> bool:
    """`example.com` covers itself and what is below it, `.example.com` only the latter, as OpenSSL reads it."""
    limit, host = limit.lower().rstrip("."), host.lower().rstrip(".")
    if not limit or limit == host:
        return True
    return host.endswith(limit if limit.startswith(".") else f".{limit}")


def _parts(name: x509.Name) -> list[x509.RelativeDistinguishedName]:
    return list(name.rdns)


def _begins(subject: Sequence[x509.RelativeDistinguishedName], limit: x509.Name) -> bool:
    base = _parts(limit)
    return subject[: len(base)] == base
