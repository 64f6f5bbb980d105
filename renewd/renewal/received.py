"""The side that installs: what was handed over is judged once more and goes live as the configuration says.

Whoever hands over is not trusted: a name must be watched here, and what is new passes the gate. Only what passed it
before may go live again without, such as the version before one that turned out not to be served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from renewd.certs import bundle as bundles
from renewd.certs import gate
from renewd.certs.bundle import Bundle, Material
from renewd.config.targets import Target
from renewd.errors import MaterialRefused
from renewd.install.installer import Source, Version
from renewd.renewal import acceptance, attempts, by_hand, debts
from renewd.renewal.context import Context
from renewd.renewal.outcome import Outcome, Ready


@dataclass(frozen=True, slots=True)
class Handed:
    """What came for one target."""

    material: Material
    issuer: str
    order_uri: str | None
    replaces: str | None = None  # as in a manifest


def install(context: Context, handed: Mapping[str, Handed]) -> list[Outcome]:
    """One outcome for each of `handed`, by identity, that is watched; those that share check and reload go together."""
    targets = [target for target in context.loaded.targets if target.identity in handed]

    def prepare(context: Context, target: Target, fence: int) -> Ready:
        return _version(context, target, handed[target.identity], fence)

    return by_hand.together(context, targets, prepare)


def _version(context: Context, target: Target, handed: Handed, fence: int) -> Ready:
    """A version of ours that holds what was handed over. Raises MaterialRefused, InstallFailed."""
    bundle = gate.assemble(handed.material)
    known, live = _known(context.installer.versions(target), bundle), context.live_leaf(target)
    if known is not None:
        ends_later = live is not None and live.not_valid_after_utc > bundle.leaf.not_valid_after_utc
        earlier = ends_later and not known.was_ordered_for(live)
        if earlier and not debts.lasts(known, context.clock.now()):
            raise MaterialRefused("it has less than a day left, and a later one is live")
        return attempts.begin_rollout(
            context, target, known.id, fence, kind="rollback" if earlier else "deploy"
        )
    if handed.replaces == "" and live is not None and context.installer.current(target) is None:
        handed = replace(handed, replaces=bundles.fingerprint(live))  # what nobody of renewd's put here
    _judge(context, target, handed, bundle)
    source = Source(handed.issuer, handed.order_uri, handed.replaces)
    version = context.installer.stage(target, bundle, source)
    return attempts.begin_rollout(context, target, version, fence)


def _known(versions: Sequence[Version], bundle: Bundle) -> Version | None:
    """The version that passed the gate here before, with this very certificate."""
    mark = bundles.fingerprint(bundle.leaf)
    return next((version for version in versions if version.accepted and version.fingerprint == mark), None)


def _judge(context: Context, target: Target, handed: Handed, bundle: Bundle) -> None:
    if handed.issuer not in target.issuers:
        raise MaterialRefused("it comes from an issuer that is not this certificate's")
    live = context.live_leaf(target)
    live = None if live == bundle.leaf else live  # others may have put the same there before us
    wanted = acceptance.wanted(context, target, handed.issuer, live)
    ordered = live is not None and handed.replaces == bundles.fingerprint(live)
    problems = tuple(gate.judge(bundle, replace(wanted, ordered=ordered), context.clock.now()))
    if problems:
        raise MaterialRefused(
            "what was handed over may not be installed: " + "; ".join(problems), problems=problems
        )
