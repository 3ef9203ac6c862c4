"""Damaged recordings give events or a DataError, in bounded time and memory."""

import json
import subprocess
import sys
from pathlib import Path

from synfire.data.events import FORMATS

FUZZ = Path(__file__).parent / "fuzz.py"


def test_no_damage_crashes_hangs_or_fills_the_memory(small_files: dict[str, Path]) -> None:
    assert set(small_files) == {kind.NAME for kind in FORMATS}
    command = [sys.executable, str(FUZZ), "--cases", "40", *map(str, small_files.values())]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, f"it ended at {ran.stderr[-500:]}"
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) == len(small_files)
    assert not {of["file"]: of["seeds"] for of in found if of["seeds"]}
    assert all(of.get("refused") for of in found)
