"""A whole renewal is killed before every call that changes a file or goes out, and is always brought to its end.

strace does it to a real process against a real server. Every n-th point is taken, so that it stays short;
RENEWD_SWEEP=all takes them all.
"""

import signal
from pathlib import Path

import pytest

from tests.faults import figures
from tests.faults.renewal_scenes import BESIDES, CALLS, FILES, LAYOUTS, PARTS, sample, scene

EVERY = 110


@pytest.mark.fault(59)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("by", "layout"), [*(("V7", layout) for layout in LAYOUTS), *BESIDES])
def test_killed_anywhere_a_renewal_is_completed_and_nothing_is_issued_twice(
    by: str, layout: str, part: int, tmp_path: Path
) -> None:
    with scene(tmp_path / "scene", layout, by) as one:
        points = one.points(f"{FILES},{CALLS}")
        assert len(points) > 100
        chosen = sample(points, part, EVERY)
        for call, turn in chosen:
            one.again()
            inject = f"inject={call}:signal=KILL:when={turn}"
            result = one.traced("-e", inject, "-e", f"trace={call}", "-o", "/dev/null")
            where = f"{by}, {layout}: {call} number {turn}"
            assert result["status"] == -signal.SIGKILL, where
            try:
                one.folders_hold()
                one.settle()
                one.is_settled()
            except AssertionError as error:
                raise AssertionError(f"killed at {where}: {error}") from error
    figures.record("renewal kill points", tried=len(chosen), torn=0, issued_twice=0, needing_a_person=0)
