"""The player's own tests, which run under Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not installed; it runs tests/player/*.test.mjs"
)
def test_the_player_under_node():
    tests = sorted(map(str, (ROOT / "tests" / "player").glob("*.test.mjs")))
    result = subprocess.run(["node", "--test", *tests], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "# pass 0" not in result.stdout, "no test was found"
