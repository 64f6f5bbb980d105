"""Every call of a whole renewal that changes a file fails once, the journal's too; the next passes get it done.

strace does it to a real process against a real server. Every n-th point is taken, so that it stays short;
RENEWD_SWEEP=all takes them all: in one scene each error that the call may say at each point, in the others one a point,
each in its turn.
"""

from itertools import cycle
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.renewal_scenes import ALL, BESIDES, FILES, LAYOUTS, PARTS, sample, scene
from tests.faults.renewal_worker import LEAKED

EVERY = 70
SAID = {
    "openat": ("EMFILE", "EACCES", "ENOSPC", "EROFS", "EIO"),
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
}
OTHERS = ("EACCES", "EROFS", "EIO", "ENOSPC")
TURNS = {call: cycle(said) for call, said in SAID.items()} | {"": cycle(OTHERS)}
EACH = ("V7", "two places")  # the scene of each error at each point
CHOSEN = LAYOUTS if ALL else ["two places"]


def said(call: str, by: str, layout: str) -> tuple[str, ...]:
    """What the call fails with in this scene, one after the other."""
    if ALL and (by, layout) == EACH:
        return SAID.get(call, OTHERS)
    return (next(TURNS[call if call in TURNS else ""]),)


@pytest.mark.fault(45, 47, 48, 104)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("by", "layout"), [*(("V7", layout) for layout in CHOSEN), *BESIDES])
def test_an_error_anywhere_in_a_renewal_loses_nothing_and_issues_nothing_twice(
    by: str, layout: str, part: int, tmp_path: Path
) -> None:
    with scene(tmp_path / "scene", layout, by) as one:
        chosen = sample(one.points(FILES), part, EVERY)
        one.again()
        before = one.bytes()
        failing = [(call, turn, errno) for call, turn in chosen for errno in said(call, by, layout)]
        for call, turn, errno in failing:
            one.again()
            inject = f"inject={call}:error={errno}:when={turn}"
            result = one.traced("-e", inject, "-e", f"trace={call}", "-o", "/dev/null")
            where = f"{by}, {layout}: {errno} of {call} number {turn}: {result}"
            assert result["status"] != LEAKED, f"a descriptor was left open at {where}"
            assert result["status"] == 0, where
            try:
                assert one.live() != one.old or one.bytes() == before, "the live files changed"
                one.settle()
                one.is_settled(
                    tidy=call != "unlinkat"
                )  # a token that cannot be taken away costs no certificate
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error
    figures.record("renewal errors", tried=len(failing), torn=0, issued_twice=0, leaked=0)
