"""What a person asks for by name: deploy, rollback, finalize. The same attempts, rollout and journal as a pass."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from renewd.certs.order import OrderStatus
from renewd.config.targets import Target
from renewd.errors import InstallFailed, UsageError
from renewd.install import manifest
from renewd.install.installer import Version
from renewd.journal import Attempt, State
from renewd.journal.attempt import ABANDONED
from renewd.planning import words
from renewd.renewal import attempts, engine, passes, proof, tidying
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready
from renewd.renewal.work import Work

SENT = frozenset({State.FINALIZE_INTENT, State.RECONCILE})  # finalize was called, and its answer is not known


def deploy(context: Context, targets: Sequence[Target]) -> list[Outcome]:
    """The newest accepted version of each goes live if it is not; then check, reload and confirm once more."""
    return together(context, targets, _newest)


def rollback(context: Context, target: Target, to: str | None) -> list[Outcome]:
    """The version before the live one, or the one named, goes live; automatic activation waits until `deploy`.

    Raises InstallFailed if there is none before it, UsageError if there is none of that name.
    """
    version = _chosen(context, target, to)

    def prepare(context: Context, target: Target, fence: int) -> Ready:
        _abandon(context, target, fence)
        context.installer.pin(target)
        return attempts.begin_rollout(context, target, version.id, fence, kind="rollback")

    return together(context, [target], prepare)


def finalize(context: Context, target: Target, order_uri: str) -> list[Outcome]:
    """Finalize an order that was validated elsewhere, then install and deploy as ever."""

    def prepare(context: Context, target: Target, fence: int) -> Ready | Outcome:
        others = _abandon(context, target, fence)
        sent = next((other for other in others if other.order_uri == order_uri and other.state in SENT), None)
        attempt = context.journal.begin(
            target.identity,
            target.name,
            "finalize",
            issuer=_asked(context, target, order_uri),
            fence=fence,
            order_uri=order_uri,
            ordered_at=context.clock.now(),
            **(_as_it_was(sent) if sent else _fresh()),
        )
        live = context.live_leaf(target)
        return engine.obtain(Work.at(context, target, attempt, live))

    return together(context, [target], prepare)


Prepare = Callable[[Context, Target, int], Ready | Outcome]


def together(context: Context, targets: Sequence[Target], prepare: Prepare) -> list[Outcome]:
    """What `prepare` makes of each target under its lease goes live, group by group; one outcome each."""
    ready, outcomes = [], []
    for target in targets:
        try:
            found = attempts.under_lease(context, target, partial(prepare, context, target))
        except Exception as error:  # noqa: BLE001 - whatever it is, what is ready goes live
            found = passes.unexpected(context, target, error)
        if isinstance(found, Ready):
            ready.append(found)
        elif found is not None:
            outcomes.append(found)
    outcomes += passes.deploy(context, ready)
    tidying.tidy(context)
    return outcomes


def _asked(context: Context, target: Target, order_uri: str) -> str:
    """Which of the target's issuers the order is of: the one it was made at, as far as that is known."""
    known = (attempt for attempt, _ in context.journal.history(target.identity))
    made = (attempt.issuer for attempt in known if attempt.order_uri == order_uri)
    return next((issuer for issuer in made if issuer in target.issuers), None) or target.issuer


def _fresh() -> dict[str, Any]:
    return {"state": State.READY, "snapshot": {"status": str(OrderStatus.READY)}}


def _as_it_was(sent: Attempt) -> dict[str, Any]:
    """Finalize was called for this order already, and nobody knows what came of it: that is looked at first."""
    return {
        "state": State.RECONCILE,
        "snapshot": {**sent.snapshot, "status": str(OrderStatus.READY)},
        "finalize_sent_at": sent.finalize_sent_at,
        "finalizes": sent.finalizes,
        "tokens": sent.tokens,
    }


def _abandon(context: Context, target: Target, fence: int) -> list[Attempt]:
    """What is under way ends here, since a person wants something else; what that was."""
    others = context.journal.under_way(target.identity)
    for other in others:
        taken = context.journal.resume(other, fence)
        proof.clear(Work.at(context, target, taken))
        context.journal.end(taken, ABANDONED)
    return others


def _newest(context: Context, target: Target, fence: int) -> Ready | Outcome:
    versions = [version for version in context.installer.versions(target) if version.accepted]
    good = [version for version in versions if version.serial not in context.here.revoked]
    newest = manifest.newest(good or versions)
    if newest is None:
        raise InstallFailed(
            "there is no accepted version to deploy",
            stage="deploy",
            remedy=f"renewd renew '{target.name}' gets one",
        )
    context.installer.unpin(target)
    return attempts.begin_rollout(context, target, newest.id, fence)


def _unrevoked(context: Context, target: Target, version: Version) -> Version:
    """The same. Raises InstallFailed where it was revoked: that goes live only if a person names it."""
    revoked = context.here.revoked.get(version.serial or 0)
    if revoked is not None:
        raise InstallFailed(
            f"{target.name}: the version before the live one is {version.id}, and {revoked}",
            stage="rollback",
            remedy="browsers may refuse it; if it is to be live all the same, name it: --to",
        )
    return version


def _chosen(context: Context, target: Target, to: str | None) -> Version:
    versions = context.installer.versions(target)
    current = context.installer.current(target)
    others = [version for version in versions if version.id != current and not version.placeholder]
    if to is None:
        older = [version for version in others if current is None or version.id < current]
        if not older:
            raise InstallFailed(
                f"{target.name}: there is no version before the live one", stage="rollback", remedy=""
            )
        before = context.installer.previous(
            target
        )  # one that was staged and never live is none to go back to
        found = next((version for version in older if version.id == before), older[0])
        return _unrevoked(context, target, found)
    for version in versions:
        if version.id == to and to != current:
            return version
    if to == current:
        raise UsageError(f"{target.name}: {to} is live already")
    now = context.clock.now()
    known = (
        "; ".join(
            v.id + (f" (expires {words.until(v.not_after, now)})" if v.not_after else "") for v in others
        )
        or "none"
    )
    raise UsageError(f"{target.name}: no version {to}; there are: {known}")
