"""The Lecture page teaches the recursion in scenes. Scenes and texts are data (assets/lecture); the browser draws them."""

from pathlib import Path

SCRIPT = Path(__file__).parent / "src" / "lecture.js"
STYLE = Path(__file__).parent / "lecture.css"
