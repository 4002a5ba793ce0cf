"""What the player shows, as files: pictures and films, one offline page, tables and arrays.

    trace + task -> ExportedRun -> CallView -> Picture -> SVG, PNG, GIF, MP4
    trace + task -> payload -> HTML, with the player's own JavaScript
    trace + task -> CSV, NPZ

`outputs.py` writes all of them. `run.py` and `moment.py` say what is to be seen at a call; in `pictures/`, `picture.py` and `cells/`
lay that out as primitives, and `svg.py`, `raster.py` and `film.py` draw those. `payload.py` is what a browser is sent, `page.py` the
page around it; `table.py` makes CSV and NPZ. Nothing here imports torch.
"""
