"""The image of this checkout, built from its Dockerfile as it is, in a store that all tests share.

What the Dockerfile and the compose file name of public images is a local root here (tests/setup makes it), under their
names: registries cannot be reached everywhere. Python's packages come from where pip of this machine has them from.
"""

import ast
import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = Path(os.environ.get("RENEWD_VENV", ROOT / ".venv")).resolve() / "parts"
STORE = PARTS / "containers"
IMAGE = "localhost/renewd:latest"
NGINX = "docker.io/library/nginx:stable"  # in docs/containers/compose.yaml
SENT = ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE", "renewd", "systemd", "man")
BUILDING = 300.0  # seconds, for pip beside other tests
_SETTING = re.compile(r"[^.]*\.(?:[^.=]*\.)?(?P<key>[a-z-]+)=(?P<value>.*)")


@contextmanager
def built(folder: Path) -> Iterator[Path]:
    """The store with the images, which nobody changes meanwhile; it is made anew when what goes into them has changed."""
    assert os.geteuid() == 0, "containers are built and run by root here: run these tests as root"
    STORE.mkdir(parents=True, exist_ok=True)
    with _locked("use") as use:
        with _locked("build") as build:
            fcntl.flock(build, fcntl.LOCK_EX)
            note = STORE / "built"
            wanted = _sum()
            if not note.exists() or note.read_text() != wanted:
                fcntl.flock(use, fcntl.LOCK_EX)  # another run of the tests may be using the old ones
                note.unlink(missing_ok=True)
                _build(folder)
                note.write_text(wanted)
            fcntl.flock(use, fcntl.LOCK_SH)
        yield STORE / "store"


def base() -> str:
    """What the Dockerfile begins with."""
    (named,) = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    return f"docker.io/library/{named}"


@contextmanager
def _locked(name: str) -> Iterator[int]:
    descriptor = os.open(STORE / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _root() -> Path:
    (found,) = PARTS.glob("base-*.tar")
    return found


def _sum() -> str:
    """What all that goes into the images says of itself."""
    found = hashlib.sha256(_root().name.encode())
    for name in SENT:
        top = ROOT / name
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and path.suffix != ".pyc":
                found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _build(folder: Path) -> None:
    settings, mounted = _pip()
    (folder / "pip.conf").write_text(settings)
    volumes = [option for path in mounted for option in ("--volume", f"{path}:{path}:ro")]
    secret = f"id=pip,src={folder / 'pip.conf'}"
    isolated = ["--pull-never", "--isolation", "chroot", "--network", "host", "--format", "docker"]
    with suppress(subprocess.CalledProcessError):
        _run("podman", "image", "rm", "--all", "--force")
    _run("podman", "import", "--quiet", str(_root()), base())
    _run("podman", "tag", base(), NGINX)
    _run("buildah", "bud", *isolated, *volumes, "--secret", secret, "--tag", IMAGE, str(ROOT))


def _run(program: str, *argv: str) -> None:
    """In a mount namespace that takes with it what is left mounted."""
    place = ["--root", str(STORE / "store"), "--runroot", str(STORE / "run"), "--storage-driver", "overlay"]
    try:
        subprocess.run(
            ["unshare", "--mount", "--propagation", "private", program, *place, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILDING,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        error.add_note(str(error.output)[-5000:])
        raise


def _pip() -> tuple[str, list[Path]]:
    """The settings of this machine's pip as a pip.conf, and the files they name; what is not there is left out."""
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd="/",
    )
    settings, mounted = {}, set()
    for setting in filter(None, map(_SETTING.fullmatch, sorted(listed.stdout.splitlines(), reverse=True))):
        words = []  # those of the environment are listed first, come last here, and win, as they do for pip
        for word in str(ast.literal_eval(setting["value"])).split():
            path = Path(word.removeprefix("file://"))
            if not path.is_absolute() or path.exists():
                words.append(word)
            if path.is_absolute() and path.exists():  # an index in files refers to others beside it
                mounted.add(path.parent if word.startswith("file://") else path)
        settings[setting["key"]] = " ".join(words)
    lines = [f"{key} = {value}\n" for key, value in settings.items() if value]
    return "".join(["[global]\n", *lines]), sorted(mounted)
