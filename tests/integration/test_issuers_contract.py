"""What every issuer fulfils, through the real engine and against the real service: the same for each of them."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from renewd.issuers import KINDS
from renewd.renewal.outcome import Result
from tests.certificates import Authority
from tests.contracts import NAME, SCENES, Parts, Scene
from tests.faults import figures

ALL = os.environ.get("RENEWD_SWEEP") == "all"
METHODS = ("current", "order", "read", "validate", "finalize", "outcome", "collect")
KILLS = [(scene, method, sent) for scene in SCENES for method in METHODS for sent in ("before", "after")]


class Killed(BaseException):
    """The process ends here, as it were."""


class Dying:
    """The real issuer, at whose first call of one method the process ends: before it is sent, or when it was answered."""

    def __init__(self, real: Any, method: str, sent: str) -> None:
        self._real, self._method, self._sent = real, method, sent

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        return self._last(real) if name == self._method else real

    def _last(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if self._sent == "after":
                real(*args, **options)
            raise Killed

        return call


@pytest.fixture
def scene(request, tmp_path, nginx, nameserver, pebble):
    made = SCENES[request.param](Parts(tmp_path, nginx, nameserver, pebble))
    yield made
    made.close()


every = pytest.mark.parametrize("scene", SCENES, indirect=True)


def wrapped(scene: Scene, wrap: Callable[[Any], Any]):
    """A context whose issuer is what `wrap` makes of it."""
    context = scene.context()
    context._issuers["it"] = wrap(context.issuer("it"))
    return context


@every
def test_it_obtains(scene):
    (outcome,) = scene.once()
    assert outcome.result.well, outcome.why
    scene.is_settled()
    assert scene.once() == []
    assert scene.orders == 1


@pytest.mark.fault(6, 59)
@pytest.mark.parametrize(("scene", "method", "sent"), KILLS if ALL else KILLS[::5], indirect=["scene"])
def test_killed_at_a_call_the_next_process_resumes(scene, method, sent):
    if method == "outcome":
        scene.lose("after")
    scene.once(wrapped(scene, lambda real: Dying(real, method, sent)))
    scene.settle()
    scene.is_settled()
    assert scene.orders <= (2 if (method, sent) == ("order", "after") else 1)
    figures.record("issuer calls killed", tried=1, issued_twice=0, challenges_left=0)


@pytest.mark.fault(7)
@pytest.mark.parametrize("when", ["before", "after"])
@every
def test_a_lost_reply_to_finalize_is_reconciled(scene, when):
    scene.lose(when)
    scene.settle()
    scene.is_settled()
    assert scene.orders == 1


@every
def test_wrong_material_is_refused_and_no_other_is_ordered(scene):
    other = Authority.new().issue(NAME)

    class Swapping:
        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def collect(self, *args: Any) -> Any:
            return other.material

    (outcome,) = scene.once(wrapped(scene, Swapping))
    assert not outcome.result.well
    assert not (scene.live / "fullchain.pem").exists()
    assert scene.left() == []
    assert len(scene.issued) == scene.orders == 1
    assert outcome.next_try_at is not None


@every
def test_a_proof_that_is_not_found_is_a_failure_told_in_words_that_leaves_nothing(scene):
    scene.spoil()
    outcome = scene.settle(until=Result.FAILED)
    assert outcome is not None
    assert outcome.next_try_at is not None
    assert scene.left() == []
    assert scene.issued == []
    assert scene.orders == scene.in_vain


@pytest.mark.fault(59)
@every
def test_what_a_crash_left_standing_goes_with_the_next_process(scene):
    scene.once(wrapped(scene, lambda real: Dying(real, "validate", "before")))
    assert bool(scene.left()) is scene.proves
    scene.settle()
    assert scene.left() == []


def test_the_contract_knows_every_kind_of_issuer():
    assert {scene.partition(" ")[0] for scene in SCENES} == set(KINDS)
