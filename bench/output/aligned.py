"""Tables in Markdown that can also be read in a terminal."""
from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns, the first one to the left."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def text(row: Sequence[str]) -> str:
        return "| " + " | ".join(value.ljust(width) if column == 0 else value.rjust(width)
                                 for column, (value, width) in enumerate(zip(row, widths))) + " |"

    rule = "|" + "|".join("-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths)) + "|"
    return [text(head), rule, *map(text, rows)]
