"""docs/findings.md says what the recorded results say."""

import shutil
from pathlib import Path

import pytest

from probes.cli.main import main

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "findings.md"


@pytest.mark.heavy
@pytest.mark.parametrize("command", ["project", "halting", "fit", "intervene"])
def test_the_findings_are_those_of_the_recorded_results(tmp_path, capsys, command):
    written = Path(shutil.copy(DOCUMENT, tmp_path))
    main([command, "--findings", str(written)])
    assert written.read_text("utf-8") == DOCUMENT.read_text("utf-8")
