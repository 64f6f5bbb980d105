"""From what the issuer holds to a version in the store: download, gate, stage."""

from dataclasses import replace
from datetime import timedelta

from cryptography import x509

from renewd.certs import bundle as bundles
from renewd.certs import gate
from renewd.certs.bundle import Bundle, Material
from renewd.config.targets import Target
from renewd.errors import MaterialRefused, OrderGone, TargetError, Temporary
from renewd.install.installer import Source
from renewd.issuers.base import Issued
from renewd.journal import State
from renewd.planning import backoff, window
from renewd.renewal import events, trust, wishes
from renewd.renewal.context import Context
from renewd.renewal.work import Step, Work, again

FETCHES = 3  # of one set: the portal may have been replaced between two downloads
SAME = timedelta(minutes=1)  # the portal's dates are information, and rounded
UNFETCHED = (
    2  # attempts that could not fetch what the issuer holds; then, with little time left, one orders instead
)
OUTAGE = timedelta(days=1)  # a storage that is down for less is waited for: what is ordered comes from it too


def maybe_newer(held: Issued, live: x509.Certificate | None) -> bool:
    """Whether it is worth downloading: judged by the issuer's own dates, which are information only."""
    if live is None or held.expires_at is None:
        return bool(held.links or held.pfx)
    return held.expires_at > live.not_valid_after_utc + SAME


def take(work: Work, issued: Issued) -> Step:
    """The accepted version, or the next step where there is none. Raises MaterialRefused."""
    adopted = bool(work.attempt.snapshot.get("adopted"))
    late = adopted or bool(work.attempt.snapshot.get("late"))  # it was not issued just now
    try:
        material = work.issuer.collect(work.target, issued)
    except TargetError as error:
        if late and _out_of_reach(work, error, adopted=adopted):
            return _not_adopted(work, str(error))
        raise
    if material.remark:
        wishes.tell(work, material.remark)
    try:
        bundle = gate.assemble(material)
    except MaterialRefused as error:
        if len(work.tries.get(State.ISSUED, ())) < FETCHES - 1:
            work.issued = None  # fresh links with the next look
            return again(work, Temporary(str(error), stage="download"), State.ISSUED)
        return _refused(work, material, error.problems or (str(error),), adopted=adopted)
    if (
        not adopted and bundle.leaf == work.live
    ):  # nothing is wrong with it, so it does not go into quarantine
        raise OrderGone("what the order gave is the certificate that runs already", stage="finalize")
    wants = wanted(work.context, work.target, work.issuer.name, work.live)
    problems = tuple(gate.judge(bundle, replace(wants, adopted=late, ordered=not adopted), work.now))
    if problems:
        return _refused(work, material, problems, adopted=adopted)
    if late and _due(work, bundle):
        return _due_itself(work, issued, bundle, adopted=adopted)
    return _staged(work, issued, bundle, adopted=adopted)


def wanted(context: Context, target: Target, issuer: str, live: x509.Certificate | None) -> gate.Wanted:
    """What the gate compares with what was not issued just now. Raises InstallFailed if the roots cannot be read."""
    return gate.Wanted(
        domains=target.domains,
        roots=trust.roots(context.loaded.configuration.issuers[issuer]),
        live=live,
        expect=target.entry.expect,
        adopted=True,
        refused=context.installer.quarantined(target),
    )


def _due_itself(work: Work, issued: Issued, bundle: Bundle, *, adopted: bool) -> Step:
    """Its successor is ordered first, so that hooks run once; where nothing runs it is kept to run if that one does not come."""
    kept = None if work.live is not None else _store(work, issued, bundle, adopted=adopted)
    return Step(
        State.PREFLIGHT, "issuer.holds_due", {"kept": kept, **work.remember(adopted=False, late=False)}
    )


def _store(work: Work, issued: Issued, bundle: Bundle, *, adopted: bool) -> str:
    before = "" if work.live is None else bundles.fingerprint(work.live)
    source = Source(work.issuer.name, issued.order_uri or work.attempt.order_uri, None if adopted else before)
    return work.context.installer.stage(work.target, bundle, source)


def _staged(work: Work, issued: Issued, bundle: Bundle, *, adopted: bool) -> Step:
    not_after = bundle.leaf.not_valid_after_utc
    if adopted:
        work.tell(events.Adopted, issuer=work.issuer.name)
    running = work.context.installer.live_chain(work.target)
    differences = () if work.live is None else gate.differences(bundle, work.live, running)
    work.tell(events.Accepted, checks=len(gate.CHECKS), not_after=not_after, differences=differences)
    version = _store(work, issued, bundle, adopted=adopted)
    work.tell(events.Staged, version=version)
    facts = {
        "version": version,
        "checks": len(gate.CHECKS),
        "not_after": not_after,
        "differences": differences or None,
        **work.remember(fingerprint=bundles.fingerprint(bundle.leaf)),
    }
    return Step(State.VALIDATED, "gate.accepted", facts)


def _refused(work: Work, material: Material, problems: tuple[str, ...], *, adopted: bool) -> Step:
    """What the portal held before may simply be old; what was issued for us is kept for a person to look at."""
    if adopted:
        return _not_adopted(work, *problems)
    work.context.installer.quarantine(work.target, material, problems)
    raise MaterialRefused(
        "what was issued may not be installed: " + "; ".join(problems),
        problems=problems,
        remedy="the live files were not touched; it is kept in quarantine. If it is right after all, change `expect` or "
        "`trust`; then: renewd renew " + f"'{work.target.name}'",
    )


def _not_adopted(work: Work, *problems: str) -> Step:
    return Step(
        State.PREFLIGHT,
        "issuer.not_adopted",
        work.remember(adopted=False, late=False, not_adopted=list(problems)),
    )


def _out_of_reach(work: Work, error: TargetError, *, adopted: bool) -> bool:
    """Whether what the issuer holds could not be fetched for so long that the running one might end over it."""
    if isinstance(error, Temporary) and len(work.tries.get(State.ISSUED, ())) < FETCHES - 1:
        return False
    remaining = work.remaining
    failed = work.context.journal.failures(work.target.identity, work.issuer.name)
    of_this = (one for one in failed if one.order_uri == work.attempt.order_uri)
    fetching = [one for one in of_this if one.failure is not None and one.failure.stage == error.stage]
    if len(fetching) < UNFETCHED:
        return False
    passing = isinstance(error, Temporary) and work.now - fetching[-1].started_at < OUTAGE
    if remaining is None:
        return adopted or not passing
    if passing and not backoff.urgent(remaining.left, remaining.life):
        return False
    return remaining.little


def _due(work: Work, bundle: Bundle) -> bool:
    leaf, target = bundle.leaf, work.target
    spread = window.spread_of(target.identity, work.context.here.host)
    rule = target.entry.renew_before
    return window.due_at(leaf.not_valid_before_utc, leaf.not_valid_after_utc, rule, spread) <= work.now
