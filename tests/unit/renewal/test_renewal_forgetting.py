"""A certificate that is not watched any more is forgotten whole, but for its live files and what counts for a CA's limits."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from renewd.certs.bundle import Material
from renewd.config import load
from renewd.errors import Busy, InstallFailed, OutOfBudget, UsageError
from renewd.install import intents, remains
from renewd.journal import Journal
from renewd.renewal import findings, forgetting, notes, passes, served, suggestions
from renewd.renewal.context import Context
from tests.clocks import FakeClock
from tests.world import World, results

A, B, SAN = "a.example", "b.example", "c.example,www.c.example"


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request) -> str | None:
    """The configuration's `state`: None for the file."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").empty()


class Machine:
    """A world with A in a folder and others at fixed paths, all of them renewed."""

    def __init__(self, world: World, state: str | None) -> None:
        self.world, self.state = world, state
        for name in (A, B, SAN):
            world.sandbox.seed(name, days_left=None)
        context = self.watching(A, B, SAN)
        assert set(results(passes.run(context, context.loaded.targets)).values()) == {"renewed"}

    def watching(self, *names: str, **keys: object) -> Context:
        """A context that watches only these."""
        entries = [self.world.entry(name, **self._places(name)) for name in names]
        own = {} if self.state is None else {"state": self.state}
        loaded = load.load(self.world.write(*entries, schedule={"concurrency": 1}, **own, **keys))
        context = Context(loaded, clock=self.world.clock, emit=self.world.events.append, by_hand=True)
        self.world._contexts.append(context)
        return context

    def _places(self, name: str) -> dict[str, object]:
        live = self.world.folder / "live"
        fixed = {"fullchain": str(live / "{name}.pem"), "key": str(live / "{name}.key")}
        return {} if name == A else {"install": {"files": fixed}}

    @property
    def folder(self) -> Path:
        """The state directory."""
        return self.world.folder / "sandbox" / "state"

    def kept(self, name: str) -> list[str]:
        """What of it lies in the state directory, by files' names."""
        return [path.name for path in self.folder.rglob(f"*{name}*")]


@pytest.fixture
def machine(world: World, state: str | None) -> Machine:
    return Machine(world, state)


@pytest.fixture
def local(world: World) -> Machine:
    """Where the journal is a file."""
    return Machine(world, None)


def test_all_that_is_known_goes_and_the_live_files_stay_byte_for_byte(machine: Machine):
    context = machine.watching(A)
    live, others = machine.world.files(), machine.kept(A)
    found = forgetting.forget(context, B)
    assert found is not None
    assert (found.attempts, found.elsewhere) == (1, 0)
    assert machine.kept(B) == []
    assert context.journal.known().keys() == {A, SAN}
    assert machine.world.files() == live
    assert machine.kept(A) == others
    (told,) = machine.world.told(forgetting.Forgotten)
    assert (told.name, told.attempts) == (B, 1)
    assert forgetting.forget(context, B) is None


def test_looking_what_there_is_changes_nothing(machine: Machine):
    context = machine.watching(A)
    before = machine.world.files("sandbox/state/store")
    found = forgetting.find(context.loaded, context.journal, B)
    assert found is not None
    assert [Path(path).relative_to(machine.folder).as_posix() for path in found.files] == [f"store/{B}"]
    assert machine.world.files("sandbox/state/store") == before
    assert B in context.journal.known()


@pytest.mark.parametrize("name", [SAN, "WWW.c.example, C.example "])
def test_it_is_found_however_it_is_spaced_cased_and_ordered(machine: Machine, name: str):
    found = forgetting.forget(machine.watching(A), name)
    assert found is not None
    assert found.attempts == 1
    assert machine.kept("c.example") == []


def test_what_is_spent_counts_on_for_who_watches_it_again(machine: Machine, clock: FakeClock):
    for _ in range(2):
        again = machine.watching(A, B)
        again.by_hand = False
        clock.advance(timedelta(days=1, minutes=1))
        passes.run(again, again.loaded.targets, forced=[B])
        forgetting.forget(machine.watching(A), B)
    found = machine.watching(A).journal.spent(B, "sandbox")
    assert len([one for one in found if one.what == "certificate"]) == 3
    again = machine.watching(A, B)
    again.by_hand = False
    (held,) = passes.run(again, again.loaded.targets, forced=[B])
    assert "3 of 3 automatic certificates of this week are used" in held.why
    assert OutOfBudget.__name__ in {
        attempt.failure.kind for attempt in again.journal.under_way(B) if attempt.failure
    }


def test_when_what_was_spent_counts_no_more_is_told(machine: Machine, clock: FakeClock):
    found = forgetting.forget(machine.watching(A), B)
    assert found is not None
    assert found.counts_until is not None
    assert timedelta(days=6) < found.counts_until - clock.now() <= timedelta(days=7)


@pytest.mark.parametrize("name", [B, "B.EXAMPLE"])
def test_what_is_still_watched_is_refused(machine: Machine, name: str):
    context = machine.watching(A, B)
    before = machine.world.files("sandbox/state/store")
    with pytest.raises(UsageError, match="still watched") as refused:
        forgetting.forget(context, name)
    assert context.loaded.path in refused.value.remedy
    assert machine.world.files("sandbox/state/store") == before
    assert B in context.journal.known()


def test_what_nobody_ever_knew_is_nothing(machine: Machine, world: World):
    context = machine.watching(A)
    before = world.files("sandbox/state/store")
    for name in ("unknown.example", "", "..", f"../store/{B}", "c.example"):
        assert forgetting.forget(context, name) is None
    assert world.files("sandbox/state/store") == before


def test_without_a_journal_what_lies_there_is_found_all_the_same(local: Machine):
    for path in local.folder.glob("renewd.db*"):
        path.unlink()
    context = local.watching(A)
    assert forgetting.forget(context, "unknown.example") is None
    found = forgetting.forget(context, B)
    assert found is not None
    assert found.attempts == 0
    assert local.kept(B) == []


def test_while_somebody_works_on_it_it_is_refused(machine: Machine, world: World):
    context = machine.watching(A)
    with Journal.open(str(machine.folder), world.clock, state=machine.state) as other:
        other.take(B)
        with pytest.raises(
            Busy, match=r"b\.example: another renewd works on it: .*, so nothing was forgotten"
        ):
            forgetting.forget(context, B)
    assert B in context.journal.known()
    assert (machine.folder / "store" / B).exists()


def test_the_lease_is_given_back(machine: Machine):
    context = machine.watching(A)
    forgetting.forget(context, B)
    assert context.journal.take(B)


def test_a_switch_that_could_not_be_ended_is_refused(local: Machine):
    context = local.watching(A)
    Path(intents.path(str(local.folder), B)).write_text("{")
    with pytest.raises(InstallFailed, match="interrupted") as refused:
        forgetting.forget(context, B)
    assert "renewd recover" in refused.value.remedy
    assert B in context.journal.known()
    assert (local.folder / "store" / B).exists()


def test_what_was_refused_and_what_was_noted_goes_too(local: Machine):
    watching = local.watching(A, B)
    (target,) = [one for one in watching.loaded.targets if one.name == B]
    watching.installer.quarantine(target, Material(pem=(b"junk",)), ["it is junk"])
    for file in forgetting.NOTES:
        notes.keep(str(local.folder), file, {A: {"at": "1"}, B: {"at": "2"}}, {A, B})
    forgetting.forget(local.watching(A), B)
    assert local.kept(B) == []
    for file in (findings.FILE, served.FILE, suggestions.FILE):
        assert json.loads((local.folder / file).read_text())["targets"].keys() == {A}


def test_a_crash_on_the_way_leaves_what_finds_the_rest(local: Machine, monkeypatch: pytest.MonkeyPatch):
    context = local.watching(A)
    with monkeypatch.context() as patch:
        patch.setattr(notes, "drop", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            forgetting.forget(context, SAN)
    assert SAN in context.journal.known()
    assert forgetting.forget(context, SAN) is not None
    assert SAN not in context.journal.known()


def test_a_file_that_cannot_be_removed_is_told_and_the_journal_still_knows(local: Machine):
    context = local.watching(A)
    store = local.folder / "store" / B
    elsewhere = store.rename(local.world.folder / "elsewhere")
    store.symlink_to(elsewhere)
    with pytest.raises(InstallFailed, match="cannot remove"):
        forgetting.forget(context, B)
    assert B in context.journal.known()
    assert list(elsewhere.iterdir())


def begin(context: Context, identity: str, name: str) -> None:
    """An attempt of a time when other names were on the certificate."""
    journal = context.journal
    fence = journal.take(identity)
    journal.end(journal.begin(identity, name, "renewal", issuer="sandbox", fence=fence), "failed")
    journal.release(identity, fence)


def test_of_a_name_that_has_other_domains_now_only_the_old_set_is_forgotten(local: Machine):
    context = local.watching(A, B)
    begin(context, "b.example,old.example", B)
    with pytest.raises(UsageError, match="still watched"):
        forgetting.forget(context, B)
    found = forgetting.forget(context, "old.example,b.example")
    assert found is not None
    assert (found.attempts, found.files) == (1, ())
    assert context.journal.known().keys() >= {A, B}
    assert (local.folder / "store" / B).exists(), "it is the watched one's"


def test_what_is_watched_under_another_name_by_now_is_refused_by_its_old_name(local: Machine):
    context = local.watching(A, B)
    begin(context, B, "old.example")
    with pytest.raises(UsageError, match=r"'old\.example' is still watched as 'b\.example'"):
        forgetting.forget(context, "old.example")
    (local.folder / "store" / "old.example").mkdir()
    found = forgetting.forget(context, "old.example")
    assert found is not None
    assert (found.attempts, len(found.files)) == (0, 1)
    assert B in context.journal.known()


def test_attempts_of_other_hosts_are_theirs(postgres, world: World, clock: FakeClock, tmp_path: Path):
    machine = Machine(world, postgres.empty())
    with Journal.open(str(tmp_path / "other"), clock, state=machine.state) as other:
        fence = other.take(B)
        other.end(other.begin(B, B, "deploy", issuer=None, fence=fence), "owed", owed=["reload"])
        other.release(B, fence)
        found = forgetting.forget(machine.watching(A), B)
        assert found is not None
        assert (found.attempts, found.elsewhere) == (1, 1)
        assert other.owed().keys() == {B}
    assert remains.folders(str(machine.folder), {B}) == []
