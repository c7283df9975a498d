"""python -m scorematch ARGS runs the command `scorematch` (docs/command.md), which a wheel contains."""

from __future__ import annotations

import os
import sys

from .files import find_command


def main() -> None:
    """Becomes the command, with the arguments of this process. Exits with 127 if there is none."""
    command = find_command()
    if command is None:
        sys.exit(_failure("this package has no command, and there is none on the PATH"))
    try:
        os.execv(command, [command, *sys.argv[1:]])
    except OSError as error:
        sys.exit(_failure(f"{command} cannot be run: {error}"))


def _failure(text: str) -> int:
    print(f"scorematch: {text}; set SCOREMATCH_COMMAND to the path of the command", file=sys.stderr)
    return 127


if __name__ == "__main__":
    main()
