"""The gate's checks of a bundle against what is wanted, what runs, and what is trusted; and what differs."""
# ruff: noqa: ARG001 - every check is handed the same three things, whichever it needs

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509

from renewd.certs import chain, facts, keys, san, traits
from renewd.certs.bundle import Bundle, fingerprint
from renewd.certs.wanted import Wanted


def is_not_refused_before(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """The same certificate does not become good by being downloaded again."""
    if fingerprint(bundle.leaf) in wanted.refused:
        return f"it is the certificate {traits.serial(bundle.leaf)} that was refused before"
    return None


def has_just_the_names(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """The names are the wanted ones, none less and none more, whatever their order (RFC 6125 §6.4: no CN)."""
    found, wants = traits.names(bundle.leaf), ", ".join(sorted(wanted.domains))
    if not found:
        return f"it has no subject alternative names; wanted are {wants}"
    other = san.difference(found, wanted.domains)
    return f"it {other}; wanted are {wants}" if other else None


def is_newer_than_the_running_one(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Another serial and a later end; a certificate for other names than wanted is no measure for the end.

    What was ordered in the place of the running one may have a shorter life; it only must not be from before it.
    """
    live, leaf = wanted.live, bundle.leaf
    if live is None or live.serial_number == facts.PLACEHOLDER_SERIAL:
        return None
    if (live.serial_number, live.issuer) == (leaf.serial_number, leaf.issuer):
        return f"it is the certificate that runs already: {traits.serial(leaf)}"
    if set(traits.names(live)) != set(wanted.domains):
        return None
    if wanted.ordered and leaf.not_valid_before_utc < live.not_valid_before_utc:
        begins, running = traits.time(leaf.not_valid_before_utc), traits.time(live.not_valid_before_utc)
        return f"it begins at {begins}; that is before the running one, which begins at {running}"
    if not wanted.ordered and leaf.not_valid_after_utc <= live.not_valid_after_utc:
        ends, running = traits.time(leaf.not_valid_after_utc), traits.time(live.not_valid_after_utc)
        return f"it ends at {ends}; that is no later than the running one, which ends at {running}"
    return None


def is_as_expected(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Issuer, extended key usages and key type are what the configuration expects."""
    expect, issuer = wanted.expect, bundle.leaf.issuer.rfc4514_string()
    if expect.issuer is not None and expect.issuer.lower() not in issuer.lower():
        return f"its issuer is {traits.shown(issuer)}; {expect.issuer} is expected"
    found, key_type = traits.usages(bundle.leaf), keys.key_type(bundle.leaf.public_key())
    lacking = [usage for usage in expect.eku or () if traits.usage_name(usage) not in found]
    if lacking:
        return f"its extended key usage is {traits.listed(found)}; {', '.join(lacking)} is expected as well"
    if expect.key_type is not None and key_type != expect.key_type:
        return f"its key is {key_type}; {expect.key_type} is expected"
    return None


def has_a_sound_chain(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """Every certificate is signed by the next one, and every CA may do what it does."""
    if chain.signed(bundle.leaf, bundle.leaf):
        return "it is self-signed"
    if not bundle.chain and wanted.roots is None:
        return f"its chain is missing: the certificate of {traits.title(bundle.leaf.issuer)}"
    return chain.broken_at(bundle.leaf, bundle.chain, now)


def leads_to_a_trusted_root(bundle: Bundle, wanted: Wanted, now: datetime) -> str | None:
    """The way up ends at one of the roots of `trust`."""
    if wanted.roots is None or chain.anchored(bundle.leaf, bundle.chain, wanted.roots, now):
        return None
    top = (bundle.leaf, *bundle.chain)[-1]
    if not bundle.chain:
        return (
            f"its chain is missing: the certificate of {traits.title(top.issuer)}, which is no trusted root"
        )
    return f"its chain ends at {traits.title(top.issuer)}, which is not among the trusted roots"


def differences(
    bundle: Bundle, live: x509.Certificate | None, chain: Sequence[x509.Certificate] | None = None
) -> tuple[str, ...]:
    """What is not refused but told: in what the new certificate differs from the running one, a phrase each.

    `chain` is the running one's; None if it is not known.
    """
    leaf = bundle.leaf
    told = ["it wants stapled OCSP answers, which few CAs still give"] if _staples(leaf) else []
    if live is None or live.serial_number == facts.PLACEHOLDER_SERIAL:
        return tuple(told)
    for what, before, after in (
        ("issuer", traits.title(live.issuer), traits.title(leaf.issuer)),
        ("names", traits.listed(traits.names(live)), traits.listed(traits.names(leaf))),
        ("key", keys.key_type(live.public_key()), keys.key_type(leaf.public_key())),
        (
            "extended key usage",
            traits.listed(sorted(traits.usages(live))),
            traits.listed(sorted(traits.usages(leaf))),
        ),
        ("lifetime", f"{_days(live)} days", f"{_days(leaf)} days"),
        ("chain", _titles(bundle.chain if chain is None else chain), _titles(bundle.chain)),
    ):
        if before != after:
            told.append(f"{what}: {before} before, {after} now")
    return tuple(told)


def _titles(chain: Sequence[x509.Certificate]) -> str:
    return ", ".join(traits.title(one.subject) for one in chain) or "none"


def _days(certificate: x509.Certificate) -> int:
    return round((certificate.not_valid_after_utc - certificate.not_valid_before_utc) / timedelta(days=1))


def _staples(leaf: x509.Certificate) -> bool:
    features = traits.extension(leaf, x509.TLSFeature)
    return features is not None and x509.TLSFeatureType.status_request in features
