"""Going live in groups: once for all that share, back for all on a failing check, and only the culprit stays out."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from renewd.errors import StateUnusable
from renewd.journal import State
from renewd.journal.schema import leases
from renewd.renewal import attempts, by_hand, events, passes
from tests.clocks import FakeClock
from tests.world import World, put_live, results

A, B, C = "a.example", "b.example", "c.example"


@pytest.fixture
def hook(tmp_path: Path):
    """A hook that notes its call with RENEWD_NAME in `log` and then does what `body` says."""

    def make(name: str, body: str = "exit 0") -> str:
        script = tmp_path / f"{name}.sh"
        script.write_text(
            f'#!/bin/sh\nprintf "%s " {name} $RENEWD_NAME >>{shlex.quote(str(tmp_path / "log"))}\necho >>{shlex.quote(str(tmp_path / "log"))}\n{body}\n'
        )
        script.chmod(0o700)
        return str(script)

    return make


def log(world: World) -> list[str]:
    path = world.folder / "log"
    return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []


def aged(world: World, *names: str, days_left: float = 5, **keys: Any) -> None:
    """Live certificates that have `days_left`, installed by renewd itself without hooks."""
    for name in names:
        world.sandbox.seed(name, days_left=days_left, validated=True)
    context = world.context(*(world.entry(name, **keys) for name in names))
    context.stop.clear()
    put_live(context)
    assert all(
        world.live(name).not_valid_after_utc - world.clock.now() < timedelta(days=days_left + 1)
        for name in names
    )
    world.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]  # versions of one second have no order


def run(world: World, *names: str, hooks: dict[str, str], **keys: Any) -> dict[str, str]:
    context = world.context(*(world.entry(name, hooks=hooks, **keys) for name in names))
    return results(passes.run(context, context.loaded.targets))


def left(world: World, name: str) -> timedelta:
    return world.live(name).not_valid_after_utc - world.clock.now()


@pytest.mark.fault(88)
def test_check_and_reload_run_once_for_all_that_share_them(world: World, hook):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None, validated=True)
    hooks = {"pre": hook("pre"), "check": hook("check"), "reload": hook("reload"), "post": hook("post")}
    assert run(world, A, B, hooks=hooks) == {A: "renewed", B: "renewed"}
    lines = log(world)
    assert sorted(lines[:2]) == [f"pre {A}", f"pre {B}"]
    assert [line.split()[0] for line in lines[2:4]] == ["check", "reload"]
    assert all(set(line.split()[1:]) == {A, B} for line in lines[2:4])
    assert sorted(lines[4:]) == [f"post {A}", f"post {B}"]


@pytest.mark.fault(85)
def test_a_failing_check_puts_all_back_and_finds_the_culprit(world: World, hook):
    aged(world, A, B, C)
    bad = world.folder / "live" / B / "current"
    old = bad.readlink()
    hooks = {
        "check": hook("check", f'test "$(readlink {bad})" = {old} || {{ echo "b is bad"; exit 1; }}'),
        "reload": hook("reload"),
    }
    assert run(world, A, B, C, hooks=hooks) == {A: "renewed", B: "put_back", C: "renewed"}
    assert left(world, A) > timedelta(days=80) < left(world, C)
    assert left(world, B) < timedelta(days=6)
    reloads = [line for line in log(world) if line.startswith("reload")]
    assert len(reloads) == 1
    assert set(reloads[0].split()[1:]) == {A, C}


def test_a_check_that_fails_with_the_old_files_too_is_not_the_certificates_fault(world: World, hook):
    aged(world, A, B)
    hooks = {"check": hook("check", "exit 3"), "reload": hook("reload")}
    assert run(world, A, B, hooks=hooks) == {A: "put_back", B: "put_back"}
    assert log(world).count("check") == 0
    assert len(log(world)) == 2, "once with the new files, once with the old ones"
    assert left(world, A) < timedelta(days=6)


def test_what_was_put_back_goes_live_later_without_another_order(world: World, hook, clock: FakeClock):
    aged(world, A)
    gate = world.folder / "mended"
    hooks = {"check": hook("check", f"test -e {gate}"), "reload": hook("reload")}
    assert run(world, A, hooks=hooks) == {A: "put_back"}
    orders = world.calls(A, "order")
    assert run(world, A, hooks=hooks) == {A: "held"}
    clock.advance(timedelta(hours=1, seconds=5))
    gate.touch()
    assert run(world, A, hooks=hooks) == {A: "deployed"}
    assert left(world, A) > timedelta(days=80)
    assert world.calls(A, "order") == orders


def test_a_first_install_has_nothing_to_go_back_to_and_stays(world: World, hook):
    world.sandbox.seed(A, days_left=None, validated=True)
    hooks = {"check": hook("check", "exit 1"), "reload": hook("reload")}
    assert run(world, A, hooks=hooks) == {A: "owed"}
    assert left(world, A) > timedelta(days=80)
    assert not [line for line in log(world) if line.startswith("reload")]


@pytest.mark.fault(85)
def test_a_failing_reload_puts_the_old_files_back_and_reloads_again(world: World, hook):
    aged(world, A)
    hooks = {"reload": hook("reload", "exit 7")}
    assert run(world, A, hooks=hooks) == {A: "put_back"}
    assert left(world, A) < timedelta(days=6)
    assert log(world) == [f"reload {A}", f"reload {A}"]


def test_an_old_certificate_without_a_day_left_is_not_put_back_for_a_failing_reload(world: World, hook):
    aged(world, A, days_left=0.5)
    assert run(world, A, hooks={"reload": hook("reload", "exit 7")}) == {A: "owed"}
    assert left(world, A) > timedelta(days=80)


@pytest.mark.fault(85)
def test_a_failing_post_is_owed_and_paid_alone(world: World, hook, clock: FakeClock):
    world.sandbox.seed(A, days_left=None, validated=True)
    gate = world.folder / "mended"
    hooks = {"reload": hook("reload"), "post": hook("post", f"test -e {gate}")}
    assert run(world, A, hooks=hooks) == {A: "owed"}
    gate.touch()
    clock.advance(timedelta(minutes=2))
    assert run(world, A, hooks=hooks) == {A: "deployed"}
    assert log(world) == [f"reload {A}", f"post {A}", f"post {A}"], "the server was not reloaded for it"
    assert run(world, A, hooks=hooks) == {}


def test_a_debt_is_tried_less_and_less_often(world: World, hook, clock: FakeClock):
    world.sandbox.seed(A, days_left=None, validated=True)
    hooks = {"post": hook("post", "exit 1")}
    pauses = []
    for _ in range(6):
        context = world.context(world.entry(A, hooks=hooks))
        (outcome,) = passes.run(context, context.loaded.targets)
        assert outcome.result == "owed"
        assert outcome.next_try_at is not None
        pauses.append(outcome.next_try_at - clock.now())
        clock.advance(pauses[-1] + timedelta(seconds=1))
    assert [pause // timedelta(minutes=1) for pause in pauses] == [1, 5, 15, 60, 60, 60]


def test_a_failing_pre_hook_leaves_the_live_files_and_the_others_alone(world: World, hook):
    aged(world, A, B)
    before = world.live(A)
    entries = [world.entry(A, hooks={"pre": hook("pre", "exit 1")}), world.entry(B)]
    context = world.context(*entries)
    assert results(passes.run(context, context.loaded.targets)) == {A: "failed", B: "renewed"}
    assert world.live(A) == before
    assert log(world) == [f"pre {A}"]


def test_what_hooks_print_is_told_with_their_failure(world: World, hook):
    world.sandbox.seed(A, days_left=None, validated=True)
    run(world, A, hooks={"reload": hook("reload", 'echo "unknown directive"; exit 1')})
    (failed,) = world.told(events.HookFailed)
    assert "unknown directive" in failed.output
    assert failed.names == (A,)


def test_a_rollback_by_hand_holds_until_deploy(world: World, hook, clock: FakeClock):
    aged(world, A, days_left=25)
    clock.advance(timedelta(days=1))
    assert run(world, A, hooks={}) == {A: "renewed"}
    context = world.context(A)
    (target,) = context.loaded.targets
    assert results(by_hand.rollback(context, target, None)) == {A: "deployed"}
    assert left(world, A) < timedelta(days=26)
    assert run(world, A, hooks={}) == {A: "held"}, (
        "the live one is due, and yet nothing is ordered nor switched"
    )
    orders = world.calls(A, "order")
    context = world.context(A, by_hand=True)
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}
    assert left(world, A) > timedelta(days=80)
    assert world.calls(A, "order") == orders


def test_deploy_tries_the_hooks_of_what_is_live_already(world: World, hook):
    aged(world, A, days_left=80)
    context = world.context(world.entry(A, hooks={"reload": hook("reload")}), by_hand=True)
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed"}
    assert log(world) == [f"reload {A}"]


def test_a_group_whose_obtains_take_long_is_not_waited_for_for_ever(world: World, hook):
    for name in (A, B):
        world.sandbox.seed(name, days_left=None, validated=True)
    world.sandbox.fault("order", "status=429+50", 1)
    assert run(world, A, B, hooks={"reload": hook("reload")}) == {A: "renewed", B: "renewed"}


@pytest.mark.parametrize(
    ("stage", "ends", "other"),
    [("check", 0, "renewed"), ("check", 1, "put_back"), ("reload", 0, "renewed"), ("reload", 1, "put_back")],
)
def test_a_target_that_another_renewd_takes_over_leaves_its_group_alone(
    world: World, hook, stage: str, ends: int, other: str
):
    aged(world, A, B)
    context = world.context(
        *(world.entry(name, hooks={stage: hook(stage, f"exit {ends}")}) for name in (A, B))
    )
    journal = context.journal

    def overtaken(event: events.Event) -> None:
        if isinstance(event, events.HookRan | events.HookFailed):
            with journal._database.write() as connection:
                taken = update(leases).where(leases.c.identity == A)
                connection.execute(taken.values(fence=leases.c.fence + 1, holder="other/x/1/1"))

    context.emit = overtaken
    assert results(passes.run(context, context.loaded.targets)) == {A: "held", B: other}
    assert left(world, A) > timedelta(days=80), "it is another one's now, and stays as it was"
    assert (left(world, B) > timedelta(days=80)) == (other == "renewed")
    (attempt,) = journal.under_way()
    assert (attempt.identity, attempt.state) == (A, State.ACTIVE)


def test_a_database_that_fails_in_between_holds_back_one_target_only_and_keeps_no_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    aged(world, A, B, days_left=80)
    context = world.context(A, B, by_hand=True)
    take = context.journal.take

    def failing(identity: str, *more: Any) -> int:
        if identity == B:
            raise StateUnusable("the database did not answer within 30 s")
        return take(identity, *more)

    monkeypatch.setattr(context.journal, "take", failing)
    assert results(by_hand.deploy(context, context.loaded.targets)) == {A: "deployed", B: "failed"}
    assert context.journal.under_way() == []
    assert take(A), "its lease was given back"


def test_what_goes_wrong_with_a_target_that_was_given_up_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.sandbox.seed(A, days_left=None, validated=True)
    context = world.context(A)
    (task,) = passes.plan(context, context.loaded.targets)
    ready = attempts.take_up(context, task)

    def release(*_: Any) -> None:
        raise OSError("a defect")

    monkeypatch.setattr(attempts, "release", release)
    passes._Pass(context, [])._late(task, ready)
    assert [told.message for told in world.told(events.Failed)] == ["unexpected OSError: a defect"]
