"""The shape of the program, read from its imports: docs/architecture.md says why it is this one."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 250  # lines: a module that needs more does more than one thing

# From the top down: a part imports what stands below it, and of its own line nothing but itself.
LAYERS = (
    ("__main__",),
    ("cli", "sandbox"),
    ("daemon", "report"),
    ("renewal",),
    ("issuers", "challenges", "install", "hooks", "confirm", "journal"),
    ("probe",),
    ("starttls",),
    ("planning", "importers"),
    ("certs",),
    ("config",),
    ("locks", "trespass"),
    ("errors", "clock", "deadline"),
    ("fault", "lookup", "whole"),
    ("background",),
)
ALLOWED = {("cli", "sandbox"), ("deadline", "clock")}  # the command that starts it; real time is the clock's

NO_EFFECTS = {
    "httpx", "httpcore", "sqlalchemy", "alembic", "subprocess", "socket", "ssl", "threading", "time", "random",
    "secrets",
    "apscheduler", "structlog", "rich", "click", "renewd.clock", "renewd.deadline",
}  # fmt: skip
PURE = ("planning", "certs", "install.layouts")
LIGHT = ("config", "certs", "planning", "install")  # what `check` loads
HEAVY = {"httpx", "httpcore", "sqlalchemy", "alembic", "rich", "apscheduler", "structlog"}

# What only a few parts may do: an import, or the use of a name.
EFFECTS = {
    "subprocess": ("hooks", "sandbox", "cli", "report.delivery"),
    "random": ("clock",),
    "socket.create_connection": ("probe", "challenges", "issuers", "deadline", "sandbox"),
    "socket.create_server": ("challenges", "sandbox"),
    "socket.getaddrinfo": ("probe", "challenges", "issuers", "lookup", "sandbox"),
    "print": ("cli",),
    "click.echo": ("cli",),
    "click.secho": ("cli",),
    "os.system": (),
    "os.popen": (),
    "eval": (),
    "exec": (),
}
# What reads the time, and where that may be done.
TIME = {
    "datetime.now", "datetime.today", "datetime.utcnow", "date.today", "time.time", "time.time_ns", "time.monotonic",
    "time.monotonic_ns", "time.perf_counter", "time.clock_gettime", "time.sleep", "uuid.uuid1", "uuid.uuid4",
}  # fmt: skip
TIMED = ("clock",)
VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base_classes"}


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, as `install.layouts`; the package itself is `renewd`."""
    found = {}
    for path in sorted((ROOT / "renewd").rglob("*.py")):
        parts = path.relative_to(ROOT / "renewd").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "renewd"] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text())


@cache
def imports(module: str) -> tuple[tuple[str, int, bool], ...]:
    """(dotted name, line, at the module's own level) of all that a module imports, wherever in it."""
    top = set(tree(module).body)
    found = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import hides where it goes"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found += [(name, node.lineno, node in top) for name in names]
    return tuple(found)


def part(module: str) -> str:
    return module.partition(".")[0]


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def matches(name: str, wanted: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in wanted)


def every_import(places: tuple[str, ...]) -> Iterator[tuple[str, str, int, bool]]:
    for module in modules():
        if within(module, places):
            for name, line, top in imports(module):
                yield module, name, line, top


LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def test_every_part_has_its_place():
    assert {part(module) for module in modules()} - {"renewd"} <= set(LEVEL)


def test_imports_go_one_way_down():
    wrong = []
    for module in modules():
        for name, line, _ in imports(module):
            if not name.startswith("renewd.") or name in {"renewd.__version__", "renewd.RELEASED"}:
                continue
            here, there = part(module), part(name.removeprefix("renewd."))
            if here not in {there, "renewd"} and (here, there) not in ALLOWED and LEVEL[there] <= LEVEL[here]:
                wrong.append(f"{module}:{line} imports {name}")
    assert wrong == []


def test_what_decides_is_pure():
    wrong = [
        f"{module}:{line} imports {name}"
        for module, name, line, _ in every_import(PURE)
        if matches(name, NO_EFFECTS)
    ]
    assert wrong == []


def test_what_a_check_loads_is_light():
    wrong = [
        f"{module}:{line} imports {name}"
        for module, name, line, _ in every_import(LIGHT)
        if matches(name, HEAVY)
    ]
    assert wrong == []


def test_packages_load_nothing_heavy_by_being_imported():
    wrong = [
        f"{module}:{line} imports {name}"
        for module, path in modules().items()
        for name, line, top in imports(module)
        if path.name == "__init__.py" and top and matches(name, HEAVY | {"cryptography", "pydantic", "yaml"})
    ]
    assert wrong == []


def uses(module: str) -> Iterator[tuple[str, int]]:
    """All that a module imports, the last two parts of dotted names it uses, and the names it calls."""
    yield from ((name, line) for name, line, _ in imports(module))
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            owner = (
                node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            )
            yield f"{owner}.{node.attr}", node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_has_its_place(effect):
    wrong = [
        f"{module}:{line} uses {name}"
        for module in modules()
        if not within(module, EFFECTS[effect])
        for name, line in uses(module)
        if matches(name, {effect})
    ]
    assert wrong == []


@pytest.mark.fault(73)
def test_time_is_read_in_one_place():
    wrong = [
        f"{module}:{line} uses {name}"
        for module in modules()
        if not within(module, TIMED)
        for name, line in uses(module)
        if name in TIME
    ]
    assert wrong == []


@pytest.mark.parametrize("module", modules())
def test_a_module_is_short_and_says_what_it_is(module):
    lines = modules()[module].read_text().count("\n")
    assert lines <= LONGEST, f"{module} has {lines} lines"
    assert ast.get_docstring(tree(module)), f"{module} has no docstring"
    assert not VAGUE & set(module.split(".")), f"{module} does not say what is in it"


def test_no_two_test_files_have_the_same_name():
    """Without packages among the tests pytest tells files apart by their names."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
