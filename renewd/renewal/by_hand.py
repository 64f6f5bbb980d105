"""What a person asks for by name: deploy, rollback, finalize. The same attempts, rollout and journal as a pass."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from renewd.certs.order import OrderStatus
from renewd.config.targets import Target
from renewd.errors import Busy, InstallFailed, TargetError, UsageError
from renewd.install.installer import Version
from renewd.journal import State
from renewd.planning import words
from renewd.renewal import engine, passes
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready, Result
from renewd.renewal.work import Work


def deploy(context: Context, targets: Sequence[Target]) -> list[Outcome]:
    """The newest accepted version of each goes live if it is not; then check, reload and confirm once more."""
    return _together(context, targets, _newest)


def rollback(context: Context, target: Target, to: str | None) -> list[Outcome]:
    """The version before the live one, or the one named, goes live; automatic activation waits until `deploy`.

    Raises UsageError if there is no such version.
    """
    version = _chosen(context, target, to)

    def prepare(context: Context, target: Target, fence: int) -> Ready:
        context.installer.pin(target)
        attempt = context.journal.begin(
            target.identity,
            target.name,
            "rollback",
            issuer=None,
            fence=fence,
            state=State.VALIDATED,
            version=version.id,
        )
        return Ready(target, attempt, version.id, Result.DEPLOYED)

    return _together(context, [target], prepare)


def finalize(context: Context, target: Target, order_uri: str) -> list[Outcome]:
    """Finalize an order that was validated elsewhere, then install and deploy as ever."""

    def prepare(context: Context, target: Target, fence: int) -> Ready | Outcome:
        for other in context.journal.under_way(target.identity):
            context.journal.end(context.journal.resume(other, fence), "abandoned")
        attempt = context.journal.begin(
            target.identity,
            target.name,
            "finalize",
            issuer=target.issuer,
            fence=fence,
            state=State.READY,
            order_uri=order_uri,
            ordered_at=context.clock.now(),
            snapshot={"status": str(OrderStatus.READY)},
        )
        live = context.live_leaf(target)
        return engine.obtain(Work(context, target, attempt, context.issuer(target), live))

    return _together(context, [target], prepare)


Prepare = Callable[[Context, Target, int], Ready | Outcome]


def _together(context: Context, targets: Sequence[Target], prepare: Prepare) -> list[Outcome]:
    ready, outcomes = [], []
    for target in targets:
        try:
            with _lease(context, target) as fence:
                found = prepare(context, target, fence)
                if isinstance(found, Ready):
                    ready.append(found)
                    continue
                outcomes.append(found)
        except Busy as error:
            outcomes.append(Outcome(target, Result.HELD, str(error)))
        except TargetError as error:
            outcomes.append(passes.unexpected(context, target, error))
    return outcomes + passes.deploy(context, ready)


@contextmanager
def _lease(context: Context, target: Target) -> Iterator[int]:
    """The target's lease; given back unless the target goes on to its rollout."""
    fence = context.journal.take(target.identity)
    done = False
    try:
        yield fence
        done = True
    finally:
        if not done:
            context.journal.release(target.identity, fence)


def _newest(context: Context, target: Target, fence: int) -> Ready | Outcome:
    versions = [version for version in context.installer.versions(target) if version.accepted]
    if not versions:
        raise InstallFailed(
            "there is no accepted version to deploy",
            stage="deploy",
            remedy=f"renewd renew '{target.name}' gets one",
        )
    newest = max(versions, key=lambda version: version.not_after or version.created_at)
    context.installer.unpin(target)
    attempt = context.journal.begin(
        target.identity,
        target.name,
        "deploy",
        issuer=None,
        fence=fence,
        state=State.VALIDATED,
        version=newest.id,
    )
    return Ready(target, attempt, newest.id, Result.DEPLOYED)


def _chosen(context: Context, target: Target, to: str | None) -> Version:
    versions = context.installer.versions(target)
    current = context.installer.current(target)
    others = [version for version in versions if version.id != current and not version.placeholder]
    if to is None:
        older = [version for version in others if current is None or version.id < current]
        if older:
            return max(older, key=lambda version: version.id)
        raise UsageError(f"{target.name}: there is no version before the live one")
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
