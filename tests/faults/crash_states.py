"""What a power cut may leave of a folder, as a model: nothing but fsync makes anything last.

A file's content lasts by an fsync of the file; a name made, changed or taken away by an fsync of the folder it is in.
Until then the disk may have any of it: a new file cut anywhere or full of zeros, and any of a folder's changes, in the
order they were made or not (harsher than the journaling file systems in use). What is pending in one folder says
nothing about another. Links last with their names.
"""

import itertools
import math
import os
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CALLS = "trace=%file,write,fsync,fdatasync,ftruncate,close"
OPTIONS = ("-y", "-xx", "-s", "1000000", "-e", CALLS)
MOST = 300  # combinations at one point; of more a random part is taken
PARTS = 8  # of a file that is being written
ALL_SUBSETS = 8  # changes of one folder; of more all first ones, all but one, and each one alone
_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)(.*)")
_PLACE = re.compile(r"(?:AT_FDCWD|\d+)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')

Tree = tuple  # ("file", content) · ("link", target) · ("folder", ((name, tree), …))


@dataclass(eq=False)
class Node:
    """A file, link or folder: what lasts, and what is pending."""

    kind: str
    content: bytes = b""  # of a file: what lasts; of a link: where it leads
    pending: bytes | None = None  # of a file: what a reader sees before a power cut, if that is other
    names: dict[str, "Node"] = field(default_factory=dict)  # of a folder: what lasts
    changes: list[dict[str, "Node | None"]] = field(
        default_factory=list
    )  # and what was done since, one call each

    def now(self) -> dict[str, "Node"]:
        """A folder's names as programs see them."""
        return applied(self.names, self.changes)

    def sync(self) -> None:
        """All that is pending lasts."""
        self.names, self.changes = self.now(), []
        if self.pending is not None:
            self.content, self.pending = self.pending, None

    def cuts(self) -> "Sequence[bytes] | Sequence[dict[str, Node]]":
        """What a power cut may leave of a file's content, or of a folder's names."""
        if self.kind == "file":
            return [self.content] if self.pending is None else [self.content, *_pieces(self.pending)]
        kept = _subsets(len(self.changes))
        return [applied(self.names, [self.changes[turn] for turn in turns]) for turns in kept]


def _pieces(data: bytes) -> list[bytes]:
    """A new file cut anywhere, or with blocks that were never written."""
    cuts = [len(data) * part // PARTS for part in range(PARTS + 1)]
    half, zeros = len(data) // 2, b"\0" * len(data)
    return [*(data[:cut] for cut in cuts), zeros, data[:half] + zeros[half:], zeros[:half] + data[half:]]


def _subsets(count: int) -> list[tuple[int, ...]]:
    turns = tuple(range(count))
    if count <= ALL_SUBSETS:
        return [kept for size in range(count + 1) for kept in itertools.combinations(turns, size)]
    firsts = [turns[:end] for end in range(count + 1)]
    some = [*firsts, *itertools.combinations(turns, count - 1), *((one,) for one in turns)]
    return list(dict.fromkeys(some))


def applied(names: dict[str, Node], changes: list[dict[str, Node | None]]) -> dict[str, Node]:
    """A folder's names after these changes."""
    found = dict(names)
    for change in changes:
        for name, node in change.items():
            if node is None:
                found.pop(name, None)
            else:
                found[name] = node
    return found


class Disk:
    """A folder as it was, and what the calls of an strace log do to it, one after another."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder)
        self.top = _read(folder)

    def replay(self, log: str) -> Iterator[str]:
        """After each call that changes something, its name."""
        for line in log.splitlines():
            found = _CALL.match(line)
            if found is None or int(found[3]) < 0:
                continue
            call, arguments = found[1], found[2]
            places = [_unescaped(place).decode() for place in _PLACE.findall(arguments)]
            texts = [_unescaped(text) for text in _TEXT.findall(_PLACE.sub("", arguments))]
            if self._did(call, arguments, places, texts):
                yield call

    def _did(self, call: str, arguments: str, places: list[str], texts: list[bytes]) -> bool:
        names = [text.decode(errors="replace") for text in texts]
        if call in {"open", "openat"}:
            assert "O_TRUNC" not in arguments, arguments
            return "O_CREAT" in arguments and self._change(_joined(places, names[0]), Node("file"))
        assert call not in {"link", "linkat", "truncate", "ftruncate"}, f"{call} is not modelled"
        do: dict[str, Callable[[], bool]] = {
            "fsync": lambda: self._sync(places[0]),
            "write": lambda: self._write(places[0], texts[0]),
            "mkdir": lambda: self._change(_joined(places, names[0]), Node("folder")),
            "symlink": lambda: self._change(_joined(places, names[1]), Node("link", texts[0])),
            "unlink": lambda: self._change(_joined(places, names[0]), None),
            "rename": lambda: self._rename(_joined(places[:1], names[0]), _joined(places[1:], names[1])),
        }
        plain = {"fdatasync": "fsync", "rmdir": "unlink", "renameat2": "rename"}.get(
            call, call.removesuffix("at")
        )
        return plain in do and do[plain]()

    def _sync(self, path: str) -> bool:
        node = self._find(path)
        if node is not None:
            node.sync()
        return node is not None

    def _write(self, path: str, data: bytes) -> bool:
        node = self._find(path)
        if node is None:
            return False
        node.pending = (node.content if node.pending is None else node.pending) + data
        return True

    def _change(self, path: str, node: Node | None) -> bool:
        parent, name = os.path.split(path)
        folder = self._find(parent)
        if folder is None:
            return False
        folder.changes.append({name: node})
        return True

    def _rename(self, old: str, new: str) -> bool:
        node, folder = self._find(old), self._find(os.path.dirname(old))
        if node is None or folder is None:
            return False
        assert os.path.dirname(old) == os.path.dirname(new), "a rename from folder to folder is not modelled"
        folder.changes.append({os.path.basename(old): None, os.path.basename(new): node})
        return True

    def _find(self, path: str) -> Node | None:
        """What is there as programs see it; None for what is not beneath the folder."""
        if path != self.path and not path.startswith(f"{self.path}/"):
            return None
        node = self.top
        for name in path[len(self.path) :].split("/")[1:]:
            node = node.now()[name]
        return node

    def cuts(self, chance: random.Random) -> Iterator[Tree]:
        """The folder in all ways that a power cut now may leave it."""
        found = {node: cuts for node in _all(self.top, set()) if len(cuts := node.cuts()) > 1}
        ways: Iterable[tuple] = itertools.product(*found.values())
        if math.prod(map(len, found.values())) > MOST:
            ways = (tuple(chance.choice(cuts) for cuts in found.values()) for _ in range(MOST))
        for way in ways:
            yield _tree(self.top, dict(zip(found, way, strict=True)))


def states(folder: Path, log: str) -> Iterator[tuple[bool, Tree]]:
    """All different states that a power cut at any point of the log may leave; True: it came after the last call."""
    chance, disk, seen = random.Random(4), Disk(folder), set()
    calls = disk.replay(log)
    over = False
    while not over:
        over = next(calls, None) is None
        for tree in disk.cuts(chance):
            if over or tree not in seen:
                seen.add(tree)
                yield over, tree


def lay(tree: Tree, path: str) -> None:
    """Make the folder, which is not there, from a state."""
    if tree[0] == "folder":
        os.mkdir(path, 0o700)
        for name, inner in tree[1]:
            lay(inner, f"{path}/{name}")
    elif tree[0] == "link":
        os.symlink(tree[1], path)
    else:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(tree[1])


def _tree(node: Node, left: dict[Node, Any]) -> Tree:
    """A node as a state, where `left` says what is left of those that have something pending."""
    if node.kind == "link":
        return "link", node.content
    if node.kind == "file":
        return "file", left.get(node, node.content)
    names: dict[str, Node] = left.get(node, node.names)
    return "folder", tuple(sorted((name, _tree(inner, left)) for name, inner in names.items()))


def _all(node: Node, seen: set[Node]) -> Iterator[Node]:
    """All nodes that may be left."""
    if node in seen:
        return
    seen.add(node)
    yield node
    inner = [*node.names.values(), *(one for change in node.changes for one in change.values() if one)]
    for one in inner:
        yield from _all(one, seen)


def _read(path: Path) -> Node:
    if path.is_symlink():
        return Node("link", os.readlink(path).encode())
    if path.is_dir():
        return Node("folder", names={inner.name: _read(inner) for inner in path.iterdir()})
    return Node("file", path.read_bytes())


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _joined(places: list[str], name: str) -> str:
    """The path of a name; one that is written out needs no place."""
    return name if name.startswith("/") else f"{places[0]}/{name}"
