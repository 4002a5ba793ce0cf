"""Exports a run as files: pictures and films, an offline page, tables and arrays.

    trace + task -> ExportedRun -> CallView -> Picture -> SVG, PNG, GIF, MP4
    trace + task -> payload -> HTML, with the player's own JavaScript
    trace + task -> CSV, NPZ

`outputs.py` writes all formats. `run.py` and `call_view.py` compute what each cell shows after a call. In `pictures/`,
`picture.py` and `cells/` lay this out as shapes, which `svg.py`, `raster.py`, and `film.py` draw. `payload.py` builds
the data for the browser, and `page.py` the offline page; `table.py` writes CSV and NPZ. Nothing here imports torch.
"""
