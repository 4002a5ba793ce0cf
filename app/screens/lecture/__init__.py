"""The lecture: the recursion taught in scenes. What is shown and said is data (assets/lecture), drawn in the browser."""

from pathlib import Path

SCRIPT = Path(__file__).parent / "src" / "lecture.js"
STYLE = Path(__file__).parent / "lecture.css"
