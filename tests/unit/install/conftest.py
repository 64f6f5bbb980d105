"""A machine's folder to install into, and the certificates for it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from renewd.certs.bundle import Bundle
from renewd.config.model import Certificate
from renewd.config.targets import Target
from renewd.install import sites, versions
from renewd.install.installer import Installer, Source
from tests.certificates import Authority
from tests.clocks import FakeClock

AUTHORITY = Authority.new()
NAME = "contoso.com,www.contoso.com"


class Home:
    """A folder with a state directory and an installer; `@` in a path stands for it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.clock = clock
        self.state = str(folder / "state")
        self.installer = Installer(self.state, clock)

    def target(self, *places: dict[str, Any], name: str = NAME) -> Target:
        install = [self._filled(place) for place in places or ({"directory": "@/live"},)]
        return Target(name, Certificate(name=name, install=install), "rcl")

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        return value.replace("@", str(self.folder)) if isinstance(value, str) else value

    def install(self, target: Target, bundle: Bundle | None = None) -> str:
        """Stage and switch, a day after the one before."""
        self.clock.advance(86400)
        version = self.installer.stage(
            target, bundle or self.bundle(target), Source("rcl", "https://ca.example/1")
        )
        self.installer.switch(target, version)
        return version

    def whole(self, target: Target, version: str) -> bool:
        """Whether every file of the version is what it was when it was stored, wherever it is stored."""
        roots = [site.root for site in sites.of(target, self.state)]
        holders = [root for root in roots if os.path.lexists(versions.path(root, version))]
        return bool(holders) and all(versions.whole(root, version) for root in holders)

    def bundle(self, target: Target, **odd: Any) -> Bundle:
        return AUTHORITY.issue(target.domains, **odd).bundle

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def files(self) -> dict[str, bytes | str]:
        """All that is there: content of files, targets of links; to be compared."""
        found: dict[str, bytes | str] = {}
        for top, folders, files in os.walk(self.folder):
            for name in folders + files:
                path = os.path.join(top, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                elif os.path.isfile(path):
                    found[path] = Path(path).read_bytes()
        return found


@pytest.fixture
def home(tmp_path: Path, clock: FakeClock) -> Home:
    return Home(tmp_path, clock)


@pytest.fixture
def mount(tmp_path: Path, root: None) -> Iterator[Callable[..., Path]]:
    """Mounts something below the test's folder; undone at its end."""
    mounted: list[Path] = []

    def make(name: str, *options: str) -> Path:
        path = tmp_path / name
        if not path.exists():
            path.mkdir()
        subprocess.run(["mount", *options, str(path)], check=True)
        mounted.append(path)
        return path

    yield make
    for path in reversed(mounted):
        subprocess.run(["umount", str(path)], check=True)
