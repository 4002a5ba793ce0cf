"""What the player shows, as files: pictures and films, one offline page, tables and arrays.

    trace + task -> Run -> Moment -> Scene -> SVG, PNG, GIF, MP4
    trace + task -> payload -> HTML, with the player's own JavaScript
    trace + task -> CSV, NPZ

`run.py` says what is to be seen at a call, in the player's words; `scene.py` and `cells.py` lay that out as primitives;
`svg.py` and `raster.py` draw those. Nothing here imports torch.
"""
