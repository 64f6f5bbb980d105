"""A journal that is damaged, taken away, newer or older: never a traceback, never a second certificate."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.errors import RenewdError, StateUnusable
from renewd.journal import State, damage, wording
from renewd.renewal import events, passes
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.faults import figures
from tests.programs import renewd, until
from tests.world import World, put_live, results

NAME = "contoso.com"
PLACES = 200 if os.environ.get("RENEWD_SWEEP") == "all" else 24
ROUNDS = 40


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    made = World(tmp_path, clock)
    yield made
    made.close()


def context(world: World) -> Context:
    return world.context(world.entry(NAME, challenge=None))


def run(context: Context) -> dict[str, str]:
    return results(passes.run(context, context.loaded.targets))


def journal_of(world: World) -> str:
    return f"{world.folder}/sandbox/state/renewd.db"


def whole(path: str) -> None:
    """What is in the file's -wal goes into the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def cut(path: str) -> None:
    os.truncate(path, os.path.getsize(path) // 2)


def noise(path: str) -> None:
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def settle(world: World, clock: FakeClock) -> None:
    """Later starts until the target is live; each may fail in words, as long as a later one does not."""
    for _ in range(ROUNDS):
        working = context(world)
        try:
            run(working)
        except RenewdError:
            continue
        finally:
            working.close()
            clock.advance(timedelta(minutes=20))
        if (world.folder / "live" / NAME / "fullchain.pem").exists():
            return
    raise AssertionError(f"it never went live: {world.events[-5:]}")


@pytest.mark.fault(51)
@pytest.mark.parametrize("damage", [cut, noise])
def test_after_damage_nothing_is_ordered_for_an_hour_and_what_the_portal_holds_is_adopted(
    world: World, clock: FakeClock, damage: Callable[[str], None]
) -> None:
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    first = context(world)
    first.journal.begin(NAME, NAME, "renewal", issuer="sandbox", fence=first.journal.take(NAME))
    first.close()
    whole(journal_of(world))
    damage(journal_of(world))
    again = context(world)
    assert run(again) == {NAME: "parked"}
    (told,) = world.told(events.JournalBegunAnew)
    assert "damaged" in told.what
    assert world.calls(NAME, "order") == 0
    world.sandbox.portal.seed(NAME, days_left=80, validated=True)
    clock.advance(timedelta(minutes=10))
    again.by_hand = True  # who asks does not wait for renewd's own times
    assert run(again) == {NAME: "adopted"}
    assert world.calls(NAME, "order") == 0


@pytest.mark.fault(51)
def test_an_hour_after_damage_orders_are_made_again(world: World, clock: FakeClock) -> None:
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    context(world).journal.close()
    noise_all(journal_of(world))
    again = context(world)
    assert run(again) == {NAME: "parked"}
    clock.advance(damage.QUIET)
    assert run(again) == {NAME: "renewed"}


def noise_all(path: str) -> None:
    Path(path).write_bytes(b"\xff" * 8192)


@pytest.mark.fault(51)
def test_status_says_that_nothing_is_ordered(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    config = world.write(world.entry(NAME, challenge=None))
    first = context(world)
    first.journal.close()
    noise_all(journal_of(world))
    said = renewd(config, "renew", NAME)
    assert said.returncode == 1
    shown = renewd(config, "status")
    world.close()
    assert "nothing is ordered until" in shown.stdout
    assert "Traceback" not in said.stderr + shown.stderr
    assert world.calls(NAME, "order") == 0


@pytest.mark.fault(51, 52)
@pytest.mark.parametrize("how", ["removed", "with its folder", "replaced"])
def test_a_journal_lost_while_renewd_works_with_it_is_noticed_and_begun_anew(
    world: World, clock: FakeClock, how: str
) -> None:
    """What was under way there is unknown: nothing is ordered until it must have come to an end."""
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    working, path = context(world), journal_of(world)
    assert working.journal.history() == []
    if how == "removed":
        for side in ("", "-wal", "-shm"):
            os.unlink(path + side)
    elif how == "with its folder":
        shutil.rmtree(os.path.dirname(path))
    else:
        other = sqlite3.connect(f"{world.folder}/other.db")
        other.execute("CREATE TABLE theirs (x)")
        other.close()
        os.rename(f"{world.folder}/other.db", path)
        os.unlink(f"{path}-wal")
        os.unlink(f"{path}-shm")
    said: list[object] = []
    for _ in range(3):
        try:
            said.append(run(working))
        except StateUnusable as error:
            said.append(str(error))
    if how == "replaced":
        assert "no journal of renewd's" in str(said[-1])
        assert world.calls(NAME, "order") == 0
        return
    assert said[-1] == {NAME: "parked"}, said
    assert world.told(events.JournalBegunAnew)
    assert world.calls(NAME, "order") == 0
    clock.advance(damage.QUIET)
    assert run(working) == {NAME: "renewed"}


@pytest.mark.fault(51)
@pytest.mark.parametrize("how", ["emptied", "overwritten"])
def test_a_journal_spoiled_while_renewd_works_with_it_costs_no_second_certificate(
    world: World, clock: FakeClock, how: str
) -> None:
    """SQLite may go on from its memory; whoever opens the file next finds the damage."""
    held = world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    working, path = context(world), journal_of(world)
    assert working.journal.history() == []
    if how == "emptied":
        os.truncate(path, 0)
    else:
        noise_all(path)
    os.truncate(f"{path}-wal", 0)
    with suppress(StateUnusable):
        run(working)
    working.close()
    settle(world, clock)
    assert held.issued == world.calls(NAME, "order") == 1


@pytest.mark.fault(52)
def test_without_its_journal_a_fresh_start_asks_the_portal_before_it_orders(world: World) -> None:
    held = world.sandbox.portal.seed(NAME, days_left=80, validated=True)
    assert run(context(world)) == {NAME: "adopted"}
    taken_away(world)
    assert run(context(world)) == {NAME: "deployed"}
    assert run(context(world)) == {}
    assert held.issued == world.calls(NAME, "order") == 0


def taken_away(world: World) -> None:
    for path in Path(journal_of(world)).parent.glob("renewd.db*"):
        path.unlink()


def torn(world: World) -> None:
    whole(journal_of(world))
    noise_all(journal_of(world))


@pytest.mark.fault(52)
def test_a_first_start_is_no_loss(world: World) -> None:
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    assert run(context(world)) == {NAME: "renewed"}
    assert not world.told(events.JournalBegunAnew)


@pytest.mark.fault(51, 52)
@pytest.mark.parametrize("lose", [taken_away, torn])
@pytest.mark.parametrize("way", ["v7", "v8", "v8 without a challenge"])
def test_lost_while_nothing_runs_and_a_certificate_is_being_issued_it_costs_no_second_order(
    tmp_path: Path, clock: FakeClock, lose: Callable[[World], None], way: str
) -> None:
    world = World(tmp_path, clock, v8=way != "v7")
    world.sandbox.portal.seed(NAME, days_left=20, validated=True)
    entry = world.entry(NAME) if way == "v8" else world.entry(NAME, challenge=None)
    working = world.context(entry)
    put_live(working)
    world.sandbox.fault("schedule", "late=900")
    world.sandbox.fault("renew", "late=900")
    real, call = working.issuer("sandbox"), "_awaited" if world.v8 else "_decoded"
    sent = working.journal.spend

    def spend(*given: object, **facts: object) -> object:
        if given[1] is State.FINALIZE_INTENT:
            setattr(real, call, interrupted)
        return sent(*given, **facts)  # type: ignore[arg-type]

    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    working.journal.spend = spend  # type: ignore[method-assign, assignment]
    passes.run(working, working.loaded.targets)
    assert [attempt.state for attempt in working.journal.under_way()] == [State.FINALIZE_INTENT]
    working.close()
    lose(world)
    began = clock.now()
    while clock.now() - began < timedelta(hours=2):
        again = world.context(entry)
        said = run(again)
        again.close()
        clock.advance(timedelta(minutes=10))
    assert said == {}
    held = world.sandbox.portal.holdings[NAME]
    assert len(world.sandbox.portal.orders) == held.issued == 1
    assert world.calls(NAME, "renew" if way == "v8 without a challenge" else "order") == 1
    assert held.held is not None
    assert world.live(NAME) == held.held.leaf
    assert len(world.told(events.JournalBegunAnew)) == 1
    world.close()


@pytest.mark.fault(51, 52)
@pytest.mark.parametrize("lose", [taken_away, torn])
@pytest.mark.parametrize("hook", ["reload", "post"])
def test_a_hook_that_was_owed_is_run_though_the_journal_was_lost(
    world: World, clock: FakeClock, lose: Callable[[World], None], hook: str
) -> None:
    world.sandbox.portal.seed(NAME, days_left=80, validated=True)
    mended, ran = world.folder / "mended", world.folder / "ran"
    entry = world.entry(
        NAME, challenge=None, hooks={hook: {"run": f"test -e {mended} && echo >>{ran}", "shell": True}}
    )
    first = world.context(entry)
    assert run(first) == {NAME: "owed"}
    first.close()
    lose(world)
    mended.touch()
    assert run(world.context(entry)) == {NAME: "deployed"}
    assert ran.read_text() == "\n"
    assert run(world.context(entry)) == {}
    assert len(world.told(events.JournalBegunAnew)) == 1


@pytest.mark.fault(51, 52)
@pytest.mark.parametrize("lose", [taken_away, torn])
def test_what_was_issued_lately_counts_though_the_journal_was_lost(
    world: World, clock: FakeClock, lose: Callable[[World], None]
) -> None:
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    for _ in range(3):
        working = context(world)
        working.by_hand = True
        assert results(passes.run(working, working.loaded.targets, forced={NAME})) == {NAME: "renewed"}
        working.close()
        clock.advance(timedelta(hours=2))
    lose(world)
    context(world).journal.close()
    clock.advance(damage.QUIET)
    working = context(world)
    (outcome,) = passes.run(working, working.loaded.targets, forced={NAME})
    assert "3 of 3 automatic certificates of this week are used" in outcome.why
    assert world.sandbox.portal.holdings[NAME].issued == 3


@pytest.mark.fault(52)
def test_a_journal_of_a_later_version_is_left_alone(world: World) -> None:
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    first = context(world)
    first.journal.close()
    connection = sqlite3.connect(journal_of(world))
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StateUnusable, match="newer renewd"):
        run(context(world))
    assert world.calls(NAME, "order") == 0


class Moment:
    """A machine in the middle of a renewal, to be put back again and again."""

    def __init__(self, world: World, state: State) -> None:
        self.world, self.kept = world, world.folder / "kept"
        self.held = world.sandbox.portal.seed(NAME, days_left=None, validated=True)
        working = context(world)
        journal = working.journal
        move = journal.move

        def stop(attempt: object, to: State, *rest: object, **facts: object) -> object:
            moved = move(attempt, to, *rest, **facts)  # type: ignore[arg-type]
            if to is state:
                raise KeyboardInterrupt
            return moved

        journal.move = stop  # type: ignore[method-assign]
        spend = journal.spend

        def spent(attempt: object, to: State, *rest: object, **facts: object) -> object:
            made = spend(attempt, to, *rest, **facts)  # type: ignore[arg-type]
            if to is state:
                raise KeyboardInterrupt
            return made

        journal.spend = spent  # type: ignore[method-assign]
        passes.run(working, working.loaded.targets)
        working.close()
        whole(journal_of(world))
        shutil.copytree(world.folder / "sandbox" / "state", self.kept)
        world.events.clear()

    def again(self) -> str:
        shutil.rmtree(self.world.folder / "sandbox" / "state")
        shutil.rmtree(self.world.folder / "live", ignore_errors=True)
        shutil.copytree(self.kept, self.world.folder / "sandbox" / "state")
        return journal_of(self.world)


def spoil(path: str, chance: random.Random) -> str:
    """A few bytes somewhere are others."""
    place, length = chance.randrange(os.path.getsize(path)), chance.choice((1, 1, 2, 8, 64, 512))
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(chance.randbytes(length))
    return f"{length} bytes at {place}"


@pytest.mark.fault(51)
@pytest.mark.parametrize("state", [State.ORDERED, State.ISSUED])
def test_bytes_changed_anywhere_cost_no_second_certificate(
    world: World, clock: FakeClock, state: State
) -> None:
    """With an order that was made, and with a certificate that was issued and not yet downloaded."""
    moment, chance, portal = Moment(world, state), random.Random(51), world.sandbox.portal
    told = aside = twice = 0
    for _ in range(PLACES):
        path = moment.again()
        before, issued = spoil(path, chance), moment.held.issued
        order = next(iter(portal.orders.values())) if state is State.ORDERED else None
        try:
            settle(world, clock)
        except AssertionError:
            told += 1  # it needs a person, and says so
        aside += any(".damaged-" in name for name in os.listdir(os.path.dirname(path)))
        new = moment.held.issued - issued
        twice += new > (0 if state is State.ISSUED else 1)
        assert not [event for event in world.told(events.Failed) if "unexpected" in event.message], before
        world.events.clear()
        if order is not None:  # as it was: nothing issued, the one order ready
            moment.held.generations.clear()
            from renewd.certs.order import OrderStatus

            order.status = OrderStatus.READY
            order.expires_at = portal.now() + timedelta(days=7)
    figures.record(
        "changed bytes in the journal", places=PLACES, moved_aside=aside, told=told, issued_twice=twice
    )
    assert twice == 0


OLD = Path(__file__).with_name("schema_0001.sql")  # a journal of the first release: one attempt in each state


@pytest.mark.fault(67)
def test_attempts_of_the_first_release_are_read_and_gone_on_with_from_every_state(
    world: World, clock: FakeClock
) -> None:
    os.makedirs(os.path.dirname(journal_of(world)), exist_ok=True)
    connection = sqlite3.connect(journal_of(world))
    connection.executescript(OLD.read_text())
    names = [name for (name,) in connection.execute("SELECT name FROM attempts")]
    connection.close()
    held = {name: world.sandbox.portal.seed(name, days_left=None, validated=True) for name in names}
    working = world.context(*(world.entry(name, challenge=None) for name in names))
    assert {attempt.name for attempt in working.journal.latest().values()} == set(names)
    for _ in range(ROUNDS):
        run(working)
        clock.advance(timedelta(hours=6))
        if all((world.folder / "live" / name / "fullchain.pem").exists() for name in names):
            break
    assert {name: world.live(name) for name in names} == {
        name: one.generations[-1].leaf for name, one in held.items()
    }
    assert {one.issued for one in held.values()} == {1}


@pytest.mark.fault(60)
def test_who_waits_for_a_locked_journal_leaves_when_asked_to(tmp_path: Path) -> None:
    """While somebody else keeps the file locked, for longer than the test lasts."""
    world = World(tmp_path)
    world.sandbox.portal.seed(NAME, days_left=None, validated=True)
    config = world.write(world.entry(NAME, challenge=None))
    context(world).journal.close()
    locker = sqlite3.connect(journal_of(world), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    process = subprocess.Popen(
        [sys.executable, "-m", "renewd", "--config", config, "renew", NAME], stderr=subprocess.DEVNULL
    )
    until(lambda: "renewd.db" in " ".join(_open_files(process.pid)))
    process.terminate()
    assert process.wait(wording.WAIT_SECONDS - 10) != 0
    locker.execute("ROLLBACK")
    locker.close()
    world.close()
    assert world.calls(NAME, "order") == 0


def _open_files(pid: int) -> list[str]:
    with suppress(OSError):
        return [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    return []
