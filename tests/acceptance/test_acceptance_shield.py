"""What others on the machine can find out from the running daemon, and from the files it makes."""

import stat
from pathlib import Path

import pytest

from tests.programs import renewd, running
from tests.world import World

NAME = "contoso.com"


@pytest.mark.fault(98)
def test_the_daemons_memory_is_in_no_core_dump_and_not_for_others(world: World):
    with running(world.write(NAME)) as daemon:
        daemon.wait_for("pass.ended")
        process = Path(f"/proc/{daemon.process.pid}")
        assert status(process)["Umask"] == "0077"
        assert limit(process, "Max core file size")[0] == "0"
        assert (process / "environ").stat().st_uid == 0  # the kernel's sign of it: nobody's but root's


@pytest.mark.fault(98)
def test_a_hook_starts_as_if_nothing_were_hidden(world: World, tmp_path: Path):
    seen = tmp_path / "seen"
    entry = world.entry(NAME, hooks={"reload": f"sh -c 'cat /proc/self/limits > {seen}'"})
    world.sandbox.seed(NAME, days_left=None)
    assert renewd(world.write(entry), "renew", NAME).returncode == 0
    assert limit(seen, "Max core file size")[1] != "0" or hard_limit() == "0"


@pytest.mark.fault(98)
def test_no_private_file_is_for_others_even_with_a_careless_umask(world: World, tmp_path: Path):
    path = world.write(NAME)
    world.sandbox.seed(NAME, days_left=None)
    before = set(tmp_path.rglob("*"))
    assert renewd(path, "renew", NAME, umask=0).returncode == 0
    made = [file for file in tmp_path.rglob("*") if file not in before and not file.is_symlink()]
    private = [file for file in made if "sandbox" not in file.parts and holds_a_key(file)]
    assert private
    for file in private:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
    for file in tmp_path.rglob("*"):
        assert not stat.S_IMODE(file.lstat().st_mode) & 0o022 or file.is_symlink(), file


def holds_a_key(file: Path) -> bool:
    return file.is_file() and (b"PRIVATE KEY" in file.read_bytes() or file.suffix.startswith(".db"))


def status(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def limit(process: Path, name: str) -> list[str]:
    text = (process / "limits").read_text() if process.is_dir() else process.read_text()
    line = next(line for line in text.splitlines() if line.startswith(name))
    return line.removeprefix(name).split()


def hard_limit() -> str:
    return limit(Path("/proc/self"), "Max core file size")[1]
