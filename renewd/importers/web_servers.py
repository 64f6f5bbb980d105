"""Where nginx and apache2 serve a name from: a look at their files, for a suggestion, not for the truth."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from renewd.importers import lineages

_NGINX = ("sites-enabled/*", "conf.d/*.conf", "nginx.conf")
_APACHE = ("sites-enabled/*.conf", "sites-enabled/*", "conf.d/*.conf", "conf/httpd.conf")
_SIGN = re.compile(r"""\s*(?:\#[^\n]*|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s;{}"']+|[;{}]))""")
_VIRTUAL = re.compile(r"<VirtualHost[^>]*>(.*?)</VirtualHost>", re.IGNORECASE | re.DOTALL)
_NAMES = re.compile(r"^\s*Server(?:Name|Alias)\s+(.+)$", re.IGNORECASE | re.MULTILINE)
_ROOT = re.compile(r"""^\s*DocumentRoot\s+["']?([^"'\n]+?)["']?\s*$""", re.IGNORECASE | re.MULTILINE)


def root(plugin: str, folder: str, domains: Sequence[str]) -> str | None:
    """The one folder that nginx or apache serves all of the domains from; None if that is not to be seen."""
    blocks = _nginx(folder) if plugin == "nginx" else _apache(folder)
    found: dict[str, set[str]] = {domain: set() for domain in domains}
    for names, served in blocks:
        for name in names & set(domains):
            found[name].add(served)
    roots = {served for each in found.values() for served in each}
    if len(roots) == 1 and all(found.values()) and os.path.isdir(only := roots.pop()):
        return only
    return None


def _texts(folder: str, patterns: Sequence[str]) -> Iterator[str]:
    seen = set()
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), pattern))):
            if os.path.realpath(path) in seen:
                continue
            seen.add(os.path.realpath(path))
            try:
                yield lineages.content(path).decode(errors="replace")
            except OSError:  # one look less
                continue


def _nginx(folder: str) -> Iterator[tuple[set[str], str]]:
    """The names and the root of each server block that has both."""
    for text in _texts(folder, _NGINX):
        yield from _servers(text)


@dataclass(slots=True)
class _Block:
    """An nginx block that is open; `names` and `root` are what stands in it itself."""

    kind: str
    names: set[str] = field(default_factory=set)
    root: str = ""

    def take(self, words: Sequence[str]) -> None:
        """A directive in it."""
        if words[:1] == ["server_name"]:
            self.names |= {word.lower() for word in words[1:]}
        elif words[:1] == ["root"] and len(words) > 1:
            self.root = words[1]


def _servers(text: str) -> Iterator[tuple[set[str], str]]:
    open_blocks = [_Block("")]
    words: list[str] = []
    for sign in (match[1] for match in _SIGN.finditer(text) if match[1]):
        if sign not in {"{", "}", ";"}:
            words.append(sign.strip("\"'"))
            continue
        if sign == ";":
            open_blocks[-1].take(words)
        elif sign == "{":
            open_blocks.append(_Block(" ".join(words)))
        elif len(open_blocks) > 1:
            block = open_blocks.pop()
            if block.kind == "server" and block.names and block.root.startswith("/"):
                yield block.names, block.root
        words = []


def _apache(folder: str) -> Iterator[tuple[set[str], str]]:
    """The names and the DocumentRoot of each virtual host that has both."""
    for text in _texts(folder, _APACHE):
        for block in _VIRTUAL.findall(text):
            names = {name.lower() for line in _NAMES.findall(block) for name in line.split()}
            served = _ROOT.search(block)
            if names and served and served[1].startswith("/"):
                yield names, served[1]
