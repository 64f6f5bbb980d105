"""The two sides of a machine on which privileges are split: one obtains and hands over, the other one installs.

Both read the same file. The side that obtains keeps what it got in a folder of its own for each target, and runs no
hooks; the one that installs has a state directory beside the other's, into which only root writes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from renewd.config import load as loading
from renewd.config.deploying import Hooks, Install
from renewd.config.load import Loaded
from renewd.config.model import Certificate
from renewd.config.targets import Target

VARIABLE = (
    "RENEWD_HAND_OVER"  # in the unit of the side that obtains: where requests go, a colon, where answers are
)
HANDED = "handed"  # below the state directory
WALLED = "the unit does not let renewd there: renewd install-systemd, then: systemctl restart renewd"
BESIDE = "-deploy"  # what is added to the state directory of the obtaining side


@dataclass(frozen=True, slots=True)
class Line:
    """The line between the two sides: folders on either side of it."""

    requests: str  # the obtaining side's
    answers: str  # the installing side's
    targets: tuple[Target, ...] = ()  # as the installing side sees them


def walled(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process may only go where its unit lets it."""
    return bool(environment.get(VARIABLE))


def load(path: str, environment: Mapping[str, str] = os.environ) -> Loaded:
    """The configuration as the side sees it that this process is on. Raises ConfigurationError."""
    loaded = loading.load(path)
    requests, _, answers = environment.get(VARIABLE, "").partition(":")
    return obtaining(loaded, Line(requests, answers)) if requests and answers else loaded


def obtaining(loaded: Loaded, line: Line) -> Loaded:
    """Targets go into folders of this side; what only the other side needs is not asked of this machine here."""
    folder = os.path.join(loaded.configuration.state_directory, HANDED, "{name}")
    changed = {"install": (Install(directory=folder),)}
    entries = tuple(
        replace(entry, certificate=entry.certificate.model_copy(update={**changed, "hooks": Hooks()}))
        for entry in loaded.entries
    )
    line = replace(line, targets=loaded.targets)
    return replace(loaded, line=line, targets=_targets(loaded, changed), entries=entries)


def installing(loaded: Loaded) -> Loaded:
    """The same targets, with a state directory and a journal of this side; what is served the other one looks at."""
    state = beside(loaded.configuration.state_directory)
    own = loaded.configuration.model_copy(update={"state_directory": state, "state": None})
    return replace(
        loaded,
        configuration=own,
        targets=_targets(loaded, {"confirm": Certificate.model_fields["confirm"].default}),
    )


def _targets(loaded: Loaded, changed: Mapping[str, Any]) -> tuple[Target, ...]:
    """The targets with other values in their entries."""
    return tuple(
        Target(
            target.name,
            target.entry.model_copy(update=changed),
            target.issuers,
            target.where,
            target.file,
        )
        for target in loaded.targets
    )


def beside(state_directory: str) -> str:
    """The installing side's state directory."""
    return state_directory + BESIDE
