"""Numbers, tables and paragraphs as text: equal input gives equal bytes."""
from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

ABSENT = "–"
COLUMNS = 100


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits without exponents: measurements are seldom better than that."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))  # 9.996 is 10.0, not 10.00
    return f"{rounded:,.{places}f}".replace("-", "−")


def milliseconds(seconds: float | None) -> str:
    return number(None if seconds is None else seconds * 1e3)


def percent(fraction: float | None) -> str:
    if fraction is None or not math.isfinite(fraction):
        return ABSENT
    return f"{number(100 * fraction, 2) if abs(fraction) < 0.1 else f'{100 * fraction:.0f}'} %"


def rate(value: float | None) -> str:
    """Samples per second, in thousands, millions or billions where it is that large."""
    if value is None or not math.isfinite(value):
        return ABSENT
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return f"{number(value / size)} {letter}"
    return number(value)


def exponent(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}".replace("-", "−")


def plain(text: str) -> str:
    """Text of a file as a paragraph or cell: on one line, and none of it is markup."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for character in "\\|*_`[]#@":
        text = text.replace(character, "\\" + character)
    return text


def code(text: str, longest: int = 240) -> str:
    """Text of a file word for word. No comment can begin in it: the page's markers are found without a parser."""
    text = " ".join(text.split()).replace("`", "'").replace("<!--", "<! --")
    text = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    return f"`{text}`".replace("|", "\\|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], keep: Sequence[str] = (),
          align: str = "---:") -> list[str]:
    """A table whose first column is left-aligned. Columns that are empty in all rows are left out, except those of `keep`."""
    filled = [i for i, title in enumerate(head)
              if i == 0 or title in keep or any(row[i] not in ("", ABSENT) for row in rows)]
    lines = ["| " + " | ".join(head[i] for i in filled) + " |",
             "|" + "|".join("---" if i == 0 else align for i in filled) + "|"]
    return lines + ["| " + " | ".join(row[i] for i in filled) + " |" for row in rows]


def wrapped(line: str) -> list[str]:
    """A paragraph on lines of at most 100 columns; tables, headings, comments and pictures stay as they are."""
    if len(line) <= COLUMNS or line.startswith(("|", "#", "<!--", "![")):
        return [line]
    indent = "  " if line.startswith("- ") else ""
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
