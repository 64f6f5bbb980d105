"""Whether a hook's program is there, and which one was probably meant."""

import difflib
import os
import shutil

from renewd.config.commands import PATH


def problem(program: str) -> tuple[str, str] | None:
    """What is wrong with a program and what would be right; None if it is there and can be executed."""
    path = os.path.join("/", program) if "/" in program else shutil.which(program, path=PATH)
    if path is not None and os.path.isfile(path):
        return None if os.access(path, os.X_OK) else (f"{program}: is not executable", f"chmod +x {path}")
    if path is not None and os.path.isdir(path):
        return f"{program}: is a folder, not a program", "write the program's path"
    return f"{program}: no such program", _suggestion(program)


def _suggestion(program: str) -> str:
    folder, name = os.path.split(program)
    there = _executables(os.path.join("/", folder) if folder else "")
    near = [name] if name in there else difflib.get_close_matches(name, there, 1, 0.8)
    return f"{near[0]} is at {there[near[0]]}" if near else "install it, or write its path"


def _executables(folder: str) -> dict[str, str]:
    """Program names and where each is; the folder that was meant first, then the ones that are searched."""
    found: dict[str, str] = {}
    for each in filter(None, (folder, *PATH.split(":"))):
        try:
            names = os.listdir(each)
        except OSError:  # the folder that was meant may be what is misspelt
            continue
        for name in names:
            found.setdefault(name, os.path.join(each, name))
    return found
