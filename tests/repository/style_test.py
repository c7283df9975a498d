#!/usr/bin/env python3
"""The language of docs/style.md: phrases that are never right, spelling, and the width of Markdown lines.

    style_test.py [PATH...]    files or folders; by default those of CHECKED

Looks at prose only: Markdown without its code, comments and strings of sources. Runs codespell if it is installed.
"""
from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CHECKED = (".ci", ".dev", "CMakeLists.txt", "README.md", "bench", "dev", "docs", "include", "kernels", "pyproject.toml",
           "src", "tests")
EXCLUDED = ("docs/images", "docs/plots")
QUOTES = ("docs/style.md", "tests/repository/style_test.py")  # these quote what is forbidden

MAX_COLUMNS = 100

_COUNTED = (r"(?:bytes|numbers|floats|registers|FLOPs?|operations|products|rows|samples|tangents|launches|warps|bits|"
            r"instructions|multiplications|evaluations|barriers|tiles|threads|lines|seconds|files?|directions|weights)")
_PER = (r"(?:row|sample|thread|block|warp|lane|tile|chunk|step|call|element|direction|parameter|column|channel|launch|"
        r"layer|dimension|unit|job|weight|feature|idea|second|queue|network)")

# What is never right, and what to write. A space stands for any white space, so that phrases are found across lines.
PHRASES = {
    r"likewise": "the same",
    r"lest": "so that ... does not",
    r"whoever": "a caller who",
    r"\w* ?manieth": "every n-th",
    r"to the (?:very )?(?:bit|bytes?)": "bit-identical",
    r"the very (?:same|bytes?|numbers?|bits?|run|points)": "the same; bit-identical",
    r"(?:way|ways) (?:up|down|back)": "forward pass, backward pass",
    r"(?:of|on) (?:its|your|their) own machine (?:it|you|they)": "no inversion",
    r"l(?:ies?|ay|ying) (?:where|beside|next to)": "is",
    r"by that name beside": "unknown key 'x'; known keys are ...",
    r"(?:no ?body|nobody) has to": "does not need to be",
    r"for (?:the )?want of": "without",
    r"oracles?": "reference",
    r"seam": "backend interface",
    r"octets?": "vector of 8, fragment",
    r"adjoint's? way": "backward pass",
    rf"{_COUNTED} an? {_PER}(?! (?:has|is|takes|needs|uses|gives|reads|can|may|must))": "per",
    r"an? (?:file|struct|header|test|thread|block|warp|lane|table|line|process|queue|pass|launch) an? \w+":
        "one ... per ...",
    r"is to be (?:said|had|found|seen)": "active voice",
    r"as one likes": "as you like",
    r"save that": "except that",
    r"nor has a": "no inversion",
    r"and be it": "no inversion",
    r"from \d+\.\d+ on": "or later",
    r"that is none": "not a ...",
    r"\w*(?:colour|behaviour|neighbour|favour|honour)\w*": "American spelling",
    r"(?!normaliser\b)(?:un|re|pre|de)?(?:optimi|normali|initiali|standardi|organi|recogni|memori|summari|parameteri|"
    r"quanti|equali|minimi|maximi|generali|synchroni|seriali|factori|vectori|visuali|speciali|utili|locali|"
    r"characteri|materiali|finali|discreti|penali|rationali|reali|privati)"
    r"s(?:e|es|ed|er|ers|ing|ation|ations|able)": "American spelling",
    r"(?:licen|defen)ce|(?:cent|met)re[ds]?|label(?:led|ling)|modell(?:ed|ing)|travell\w+|"
    r"catalogues?|analys(?:e|ed|ing)": "American spelling",
}
# Words that codespell takes for mistakes, and public names.
CODESPELL_IGNORED = "cancelled,normaliser,theis"

Blank = Callable[[str], str]


def _blank(text: str, filler: str = "|") -> str:
    """The text without its content; lines and positions stay."""
    return re.sub(r"[^\s]", filler, text)


def markdown_prose(text: str) -> str:
    """Without code blocks, code spans, link targets and comments."""
    patterns = (r"^```.*?^```$", r"<!--.*?-->", r"(?:(?<=\n\n)|\A)(?: {4,}[^\n]*\n)+", r"`[^`]+`", r"(?<=\])\([^)]*\)")
    for pattern in patterns:
        text = re.sub(pattern, lambda match: _blank(match[0]), text, flags=re.S | re.M)
    return text


_SOURCE = {  # comments and strings
    "cpp": r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'',
    "hash": r'#[^\n]*|"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
}
_KINDS = {".cpp": "cpp", ".h": "cpp", ".c": "cpp", ".cu": "cpp", ".cuh": "cpp", ".py": "hash", ".cmake": "hash",
          ".txt": "hash", ".sh": "hash", ".toml": "hash"}


def source_prose(text: str, kind: str) -> str:
    """Comments and strings; white space takes the place of their marks, and of code between words a bar."""
    parts, end = [], 0
    for match in re.finditer(_SOURCE[kind], text, flags=re.S):
        parts.append(_blank(text[end:match.start()]))
        word = match[0]
        if word.startswith("//") or word.startswith("#"):
            marks = len(word) - len(word.lstrip("/#!<"))
            word = " " * marks + word[marks:]
        elif word.startswith("/*"):
            word = re.sub(r"^\s*\*", lambda star: " " * len(star[0]), "  " + word[2:-2] + "  ", flags=re.M)
        else:
            quotes = 3 if word.startswith('"""') else 1
            inside = re.sub(r"\\[nt]", "  ", word[quotes:-quotes])
            word = " " * quotes + inside + " " * quotes
        parts.append(word)
        end = match.end()
    return "".join(parts) + _blank(text[end:])


def prose(path: Path) -> str | None:
    """None if the file is of no kind that has prose."""
    if path.suffix == ".md":
        return markdown_prose(path.read_text(encoding="utf-8"))
    kind = _KINDS.get(path.suffix)
    return source_prose(path.read_text(encoding="utf-8"), kind) if kind else None


_COMPILED = [(re.compile(rf"(?<![\w@-])(?:{pattern})(?![\w-])".replace(" ", r"\s+"), re.I), instead)
             for pattern, instead in PHRASES.items()]


def find_phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, phrase and what to write, for every phrase that is never right."""
    # Most of a source is blank here: without that, looking for a phrase that is not there takes a fifth of the time.
    short = re.sub(r"\s+", " ", re.sub(r"[|\s]*\|[|\s]*", "|", text))
    for pattern, instead in _COMPILED:
        if not pattern.search(short):
            continue
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), instead


def find_long_lines(text: str) -> Iterator[tuple[int, int]]:
    """Line and width of lines that could be wrapped: no tables, code, links or comments."""
    in_code = in_comment = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        in_comment = in_comment or "<!--" in line
        exempt = in_code or in_comment or line.startswith(("|", "    ", "#")) or re.search(r"\]\(|https?://", line)
        if "-->" in line:
            in_comment = False
        if not exempt and len(line) > MAX_COLUMNS:
            yield number, len(line)


def files_below(paths: list[str]) -> Iterator[Path]:
    for name in paths:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            relative = file.relative_to(ROOT).as_posix()
            if file.is_file() and not any(relative == each or relative.startswith(each + "/") for each in EXCLUDED):
                yield file


def codespell(texts: dict[str, str]) -> list[str]:
    """What codespell says of these texts, by their names."""
    if not shutil.which("codespell"):
        print("codespell is not installed: spelling is not checked")
        return []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
        run = subprocess.run(["codespell", "--builtin", "clear,rare,en-GB_to_en-US",
                              "--ignore-words-list", CODESPELL_IGNORED, "."],
                             cwd=folder, capture_output=True, text=True, check=False)
    return [line.removeprefix("./") for line in (run.stdout + run.stderr).splitlines() if line.startswith("./")]


def check_rules() -> None:
    """The rules find what they are there for, and leave the rest alone."""
    def phrases(text: str) -> list[str]:
        return [phrase for _, phrase, _ in find_phrases(text)]

    assert phrases("each of\nthem likewise") == ["likewise"]
    assert phrases("16 bytes a row") == ["bytes a row"]
    assert not phrases("16 bytes per row, as an oracle-free test")
    assert phrases(source_prose('f(x);  // the way\n// back\n', "cpp")) == ["way back"]
    assert phrases(source_prose('say("to the very "\n    "bytes");', "cpp")) == ["to the very bytes", "the very bytes"]
    assert not phrases(source_prose("optimise(whoever);", "cpp"))
    assert not phrases(markdown_prose("Call `optimise()`.\n\n    lest\n\n```\nlest\n```\n"))
    assert list(find_long_lines("a" * 101 + "\n|" + "b" * 101 + "\n")) == [(1, 101)]


def main(arguments: list[str]) -> int:
    check_rules()
    complaints: list[str] = []
    texts: dict[str, str] = {}
    for file in files_below(arguments or list(CHECKED)):
        text = prose(file)
        if text is None:
            continue
        name = file.relative_to(ROOT).as_posix()
        if name not in QUOTES:
            texts[name] = text
            complaints += [f"{name}:{line}: '{phrase}' (write: {instead})"
                           for line, phrase, instead in find_phrases(text)]
        if file.suffix == ".md":
            complaints += [f"{name}:{line}: {width} columns, at most {MAX_COLUMNS}"
                           for line, width in find_long_lines(file.read_text(encoding="utf-8"))]
    complaints += codespell(texts)
    for complaint in complaints:
        print(complaint)
    print(f"{len(texts)} texts, {len(complaints)} complaints; docs/style.md has the rules")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
