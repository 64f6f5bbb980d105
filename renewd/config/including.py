"""The files that `include` names."""

import glob
import os


def is_pattern(text: str) -> bool:
    """Whether the text may stand for no file at all, as conf.d/*.yaml does."""
    return glob.has_magic(text)


def paths(main: str, pattern: str) -> list[str]:
    """The files that a pattern beside the main file names, in alphabetical order."""
    return sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(main)), pattern)))
