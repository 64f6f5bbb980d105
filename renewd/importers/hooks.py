"""Certbot's hooks as renewd's: what only reloads a server becomes `reload`, all else `pre` and `post`."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from renewd.config import commands, programs
from renewd.importers import lineages
from renewd.importers.findings import Notes
from renewd.importers.lineages import Lineage
from renewd.importers.text import remarked

_WORD = r"[A-Za-z0-9@_.:-]+"
_RELOADS = re.compile(
    rf"""(?:sudo\s+)?(?:/[\w/.-]*/)?(?:
        systemctl\s+(?:-\S+\s+)*(?:try-)?(?:reload|restart)(?:-or-restart)?(?:\s+-\S+)*(?:\s+{_WORD})+
      | (?:service|rc-service|invoke-rc\.d)\s+{_WORD}\s+(?:force-)?(?:reload|restart)
      | init\.d/{_WORD}\s+(?:force-)?(?:reload|restart)
      | nginx\s+-s\s+reload | apache2?ctl\s+(?:-k\s+)?graceful | httpd\s+-k\s+graceful
      | postfix\s+reload | doveadm\s+reload )""",
    re.VERBOSE,
).fullmatch
_STARTS = re.compile(
    rf"(?:sudo\s+)?(?:/[\w/.-]*/)?(?:systemctl\s+start\s+({_WORD})|service\s+({_WORD})\s+start)"
).fullmatch
_SIMPLE = re.compile(r"[\w./:=@%+,-]+(?: [\w./:=@%+,-]+)*", re.ASCII).fullmatch
_BUILTINS = frozenset(
    {"cd", ".", "source", "export", "exec", "eval", "set", "if", "for", "while", "case", "exit"}
)
_IDLE = re.compile(r"\s*(?:#.*|set\s+[-+].*|exit(?:\s+0)?|)\s*").fullmatch
_CHECKS = {"nginx": "nginx -t", "apache": "apache2ctl configtest"}
_INSTALLERS = {"nginx": "nginx -s reload", "apache": "apache2ctl graceful"}
_PRE_IS_LATER = "certbot runs its pre-hooks before the challenge, renewd runs `pre` when the new files are about to go live"
_OTHER_SURROUNDINGS = (
    "renewd runs hooks in / with umask 077 and ends them after 60 s: what copies files has to set their modes, "
    "what takes longer wants {run: COMMAND, timeout: 10m}"
)


@dataclass(slots=True)
class _Sorted:
    """Lines by renewd's hook."""

    pre: list[str]
    reload: list[str]
    post: list[str]


def hooks(lineage: Lineage, notes: Notes) -> Any:
    """What stands under `hooks`; empty if certbot runs nothing."""
    found = _Sorted([], [], [])
    remarks: list[str] = []
    deploying = _unique(
        [*_folder(lineage, "deploy"), lineage.text("deploy_hook") or lineage.text("renew_hook")]
    )
    after = _unique([*_folder(lineage, "post"), lineage.text("post_hook")])
    first = before(lineage)
    if first and lineage.text("authenticator") == "standalone":
        remarks += [f"Before the challenge certbot ran: {line}" for line in first]
        remarks += [f"And after it: {line}" for line in after]
        notes.add("the hooks that certbot ran around the challenge are left out: renewd runs none there")
        after = list(filter(None, map(_loading, after)))
    elif first:
        found.pre = first
        remarks.append(notes.add(_PRE_IS_LATER))
    _sort(_unique([_INSTALLERS.get(lineage.text("installer"), ""), *deploying, *after]), found)
    if found.post:
        remarks.append(notes.add(_OTHER_SURROUNDINGS))
    said = {
        key: _commands(lines) for key, lines in (("pre", found.pre), *_checked(found), ("post", found.post))
    }
    return remarked({key: value for key, value in said.items() if value}, *remarks)


def before(lineage: Lineage) -> list[str]:
    """What certbot runs before the challenge."""
    return _unique([*_folder(lineage, "pre"), lineage.text("pre_hook")])


def command(line: str) -> Any:
    """A command line of certbot's, which a shell ran: plainly where no shell is needed."""
    try:
        words = shlex.split(line)
        plain = bool(_SIMPLE(line)) or (
            shlex.join(words) == line and commands.problem(line, shell=False) is None
        )
    except ValueError:
        return {"run": line, "shell": True}
    shell_first = words[0] in _BUILTINS or "=" in words[0]
    return line if plain and not shell_first else {"run": line, "shell": True}


def _commands(lines: Sequence[str]) -> Any:
    found = [command(line) for line in lines]
    return found[0] if len(found) == 1 else found


def _checked(found: _Sorted) -> Iterator[tuple[str, list[str]]]:
    """The reload, and before it what tells whether the server will take the files."""
    checks = [
        line
        for server, line in _CHECKS.items()
        if any(server in each for each in found.reload) and programs.problem(line.split()[0]) is None
    ]
    yield "check", checks
    yield "reload", found.reload


def _sort(lines: Sequence[str], found: _Sorted) -> None:
    for line in lines:
        (found.reload if _RELOADS(line) or _only_reloads(line) else found.post).append(line)


def _loading(line: str) -> str:
    """The reload that does for what certbot ran after the challenge; empty where it had to do with that alone."""
    if match := _STARTS(line):
        return f"systemctl reload {match[1] or match[2]}"
    return line if _RELOADS(line) or _only_reloads(line) else ""


def _only_reloads(path: str) -> bool:
    """Whether this is a script in which nothing is done but reloading: then once for all certificates is enough."""
    try:
        if not path.startswith("/"):
            return False
        lines = lineages.content(shlex.split(path)[0]).decode().splitlines()
    except (OSError, ValueError):
        return False
    done = [line.strip() for line in lines if not _IDLE(line)]
    return bool(done) and all(_RELOADS(line) for line in done)


def _folder(lineage: Lineage, kind: str) -> list[str]:
    """The programs in certbot's folder of hooks for all certificates, in the order it runs them."""
    if lineage.text("directory_hooks").lower() == "false":
        return []
    folder = os.path.join(lineage.folder, "renewal-hooks", kind)
    try:
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if not name.endswith("~")]
    except OSError:  # certbot makes it when it is needed
        return []
    return [shlex.quote(path) for path in sorted(paths) if os.path.isfile(path) and os.access(path, os.X_OK)]


def _unique(lines: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
