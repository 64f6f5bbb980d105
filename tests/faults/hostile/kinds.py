"""The whole corpus: each kind of wrong material as it would come over the wire, and each good variant."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from renewd.certs.bundle import Bundle, Material
from renewd.certs.gate import Wanted, assemble, judge
from renewd.errors import MaterialRefused
from tests.certificates import key_pem, pem
from tests.faults.hostile import malformed, strange, unwanted


@dataclass(frozen=True)
class Kind:
    """How to make it, and what is wanted of it; `now` in `wants` is when it is judged."""

    make: Callable[[], Material]
    wants: dict[str, Any] = field(default_factory=dict)

    def refusals(self) -> list[str]:
        """What speaks against it; empty if it would be installed."""
        wants = {"domains": unwanted.NAMES, "roots": unwanted.ROOTS, **self.wants}
        now = wants.pop("now", unwanted.NOW)
        try:
            bundle = assemble(self.make())
        except MaterialRefused as refused:
            return list(refused.problems)
        return judge(bundle, Wanted(**wants), now)


def sent(bundle: Bundle) -> Material:
    """The bundle as a portal hands it out."""
    return Material(pem=(pem(bundle.leaf, *bundle.chain), key_pem(bundle.key)))


def _kinds(
    bundles: dict[str, tuple[Callable[[], Bundle], dict[str, Any]]],
) -> dict[str, Kind]:
    return {name: Kind(partial(_sent, make), dict(wants)) for name, (make, wants) in bundles.items()}


def _sent(make: Callable[[], Bundle]) -> Material:
    return sent(make())


_FORMS = {
    "domains": unwanted.NAMES,
    "roots": (malformed.CA.root,),
    "now": malformed.GOOD.leaf.not_valid_before_utc + unwanted.HOUR,
}

WRONG: dict[str, Kind] = {
    **{f"form: {name}": Kind(make, _FORMS) for name, (make, _) in malformed.WRONG.items()},
    **{f"form: {name}": Kind(make, _FORMS) for name, make in strange.TEXTS.items()},
    **_kinds({name: (make, wants) for name, (make, wants, _) in unwanted.REFUSED.items()}),
    **_kinds({name: (make, {}) for name, make in strange.BUNDLES.items()}),
}
RIGHT: dict[str, Kind] = {
    **{f"form: {name}": Kind(make, _FORMS) for name, make in malformed.RIGHT.items()},
    **_kinds(unwanted.ACCEPTED),
}
