"""Export a run as files: pictures and films, an offline page, tables and arrays.

    trace + task -> ExportedRun -> CallView -> RunPicture -> PNG, SVG, PDF, GIF, MP4
    trace + task -> payload -> HTML, with the player's own JavaScript
    trace + task -> CSV, NPZ

`outputs.py` writes all formats. `run.py` and `call_view.py` compute the content of each cell after a call. In `pictures/`,
`picture.py` lays out the grid (`grid.py`), the strips (`strips.py`), and the texts of a call, and matplotlib draws them;
`film.py` joins pictures to films, and `charts.py` draws the results of analyses for papers. `payload.py` builds the data for
the browser, `page.py` builds the offline page, and `table.py` writes CSV and NPZ. `markdown.py` writes generated sections of documents.
This package does not import torch.
"""
