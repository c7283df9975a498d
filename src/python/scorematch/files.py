"""Where the shared library and the command are: beside this module in a wheel, elsewhere with the sources."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def _packaged(pattern: str) -> str | None:
    # An editable installation has two folders: of the sources, and of what was built.
    for folder in sys.modules[__package__ or ""].__path__:
        for file in sorted(Path(folder).glob(pattern)):
            return str(file)
    return None


def find_library() -> str:
    """SCOREMATCH_LIBRARY if it is set, else the library of this package, else the name of the one of the system."""
    return os.environ.get("SCOREMATCH_LIBRARY") or _packaged("lib*/**/libscorematch.so*") or "libscorematch.so"


def find_command() -> str | None:
    """SCOREMATCH_COMMAND if it is set, else the command of this package, else the one on the PATH, else None."""
    return os.environ.get("SCOREMATCH_COMMAND") or _packaged("bin/scorematch") or shutil.which("scorematch")
