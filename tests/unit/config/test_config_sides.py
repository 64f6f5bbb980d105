"""The two sides of a machine on which privileges are split, each with its view of one file."""

import os
from pathlib import Path

import pytest

from renewd.cli import main
from renewd.config import load, machine, sides
from renewd.config.sides import VARIABLE, Line
from renewd.install import intents
from tests.world import World

A = "a.example"


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def path(world: World) -> str:
    """What the side that obtains has not: a program, an owner, a password; and a place only root writes to."""
    install = [
        {"directory": "/etc/ssl/{name}", "owner": "nobody-there"},
        {"files": {"pfx": "/etc/ssl/{name}.pfx"}, "pfx_password": {"file": "/root/none"}},
    ]
    return world.write(world.entry(A, install=install, hooks={"check": "/root/no-such-program"}))


def test_without_its_variable_there_is_one_side(path: str):
    loaded = sides.load(path, {})
    assert loaded.line is None
    assert [place.directory for place in loaded.targets[0].places] == [f"/etc/ssl/{A}", None]


def test_the_side_that_obtains_keeps_what_it_got_to_itself(path: str, world: World):
    loaded = sides.load(path, {VARIABLE: "/run/requests:/run/answers"})
    assert loaded.line is not None
    assert (loaded.line.requests, loaded.line.answers) == ("/run/requests", "/run/answers")
    (place,) = loaded.targets[0].places
    assert place.directory == os.path.join(loaded.configuration.state_directory, "handed", A)
    assert place.settings.owner is None
    assert [there.places[0].directory for there in loaded.line.targets] == [f"/etc/ssl/{A}"]


def test_what_only_the_other_side_needs_holds_no_target(path: str):
    whole = load.load(path)
    assert machine.faults(whole)
    assert machine.faults(sides.obtaining(whole, Line("/run/requests", "/run/answers"))) == []


def test_hooks_that_are_shared_are_known_as_a_group_still(path: str):
    whole = load.load(path)
    assert sides.obtaining(whole, Line("/r", "/a")).targets[0].hooks.group == whole.targets[0].hooks.group


def test_the_side_that_installs_has_a_state_of_its_own_and_looks_at_no_server(world: World):
    path = world.write(
        world.entry(A, confirm={"connect": "127.0.0.1:443"}), state="postgresql+psycopg://db/renewd"
    )
    installing = sides.installing(load.load(path))
    assert (
        installing.configuration.state_directory == f"{load.load(path).configuration.state_directory}-deploy"
    )
    assert installing.configuration.state is None
    assert not installing.targets[0].entry.confirm
    assert installing.targets[0].places == load.load(path).targets[0].places


def test_recover_acts_upon_no_state_of_another_user(world: World, capsys):
    """What is in there somebody else wrote, and root would follow it."""
    path = world.write(A)
    state = Path(load.load(path).configuration.state_directory)
    for folder in (state, Path(sides.beside(str(state)))):
        intent = Path(intents.path(str(folder), A))
        intent.parent.mkdir(parents=True)
        intent.write_text("broken")
    os.chown(state, 65534, -1)
    assert main.run(["--config", path, "recover"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_recover_puts_a_placeholder_where_one_is_wanted(world: World, capsys):
    live = world.folder / "live"
    path = world.write(world.entry(A, install={"directory": str(live / A), "placeholder": True}))
    assert main.run(["--config", path, "recover"]) == 0
    assert "self-signed" in capsys.readouterr().out
    assert world.live(A).subject == world.live(A).issuer
    assert main.run(["--config", path, "recover"]) == 0
    assert capsys.readouterr().out == ""
