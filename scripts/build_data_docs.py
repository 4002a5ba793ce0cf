"""Write docs/data.md, the list of what can be read, from `trm.data.files.kinds`: `python -m scripts.build_data_docs`."""

from pathlib import Path

from trm.data.files.kinds import write

if __name__ == "__main__":
    write(Path(__file__).parents[1] / "docs" / "data.md")
