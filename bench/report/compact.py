"""The compact form of Google Benchmark's JSON, in which bench/results keeps its files.

    {"context": {...}, "common": {"run_type": "aggregate", ...},
     "columns": ["run_name", "aggregate_name", "real_time", ...],
     "benchmarks": [["cpu/dsm/...", "median", 6.98, ...], ...]}

One line per benchmark, without the fields' names; null stands for a field that a benchmark does not have. Fields with one
value throughout are in `common`. Names that follow from run_name and aggregate_name, and indices of Google Benchmark's own,
are left out. Every number stays.
"""
from __future__ import annotations

import json
from typing import Any

DERIVED = ("name", "family_index", "per_family_instance_index")


def is_compact(content: Any) -> bool:
    return isinstance(content, dict) and "columns" in content


def expanded(content: dict) -> dict:
    """As Google Benchmark writes it, except the fields that are derived."""
    if not is_compact(content):
        return content
    columns, common = content["columns"], content.get("common", {})
    benchmarks = [{**common, **{key: value for key, value in zip(columns, row) if value is not None}}
                  for row in content["benchmarks"]]
    return {**{key: value for key, value in content.items() if key not in ("columns", "common")},
            "benchmarks": benchmarks}


def compacted(content: dict) -> dict:
    benchmarks = content["benchmarks"]
    columns = list(dict.fromkeys(key for entry in benchmarks for key in entry))
    dropped = DERIVED if all("run_name" in entry for entry in benchmarks) else DERIVED[1:]
    common = {key: benchmarks[0][key] for key in columns
              if len(benchmarks) > 1 and key not in dropped
              and all(key in entry and entry[key] == benchmarks[0][key] for entry in benchmarks)}
    columns = [key for key in columns if key not in dropped and key not in common]
    return {**{key: value for key, value in content.items() if key != "benchmarks"}, "common": common,
            "columns": columns, "benchmarks": [[entry.get(key) for key in columns] for entry in benchmarks]}


def text_of(content: dict) -> str:
    """One line per member, and per benchmark."""
    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    members = [f"  {line(key)}: {line(value)}" for key, value in content.items() if key != "benchmarks"]
    rows = ",\n".join(f"    {line(row)}" for row in content["benchmarks"])
    members.append(f'  "benchmarks": [\n{rows}\n  ]' if rows else '  "benchmarks": []')
    return "{\n" + ",\n".join(members) + "\n}\n"
