"""Recursion Lens: the entry point of the app. Run it with `recursion-lens`, `make app` or `streamlit run app/main.py`.

Each visit runs `app/server/pages.py`, and `app/server/http/routes.py` serves what a page fetches while it is on screen;
`app/server/options.py` reads the arguments after `--` on the command line.
"""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if (root := str(HERE.parent)) not in sys.path:
    sys.path.insert(0, root)  # Streamlit puts app/ on the path, not the folder that holds it

from app.server.http.routes import routes  # noqa: E402  # needs the path

app = st.App(HERE / "server" / "pages.py", routes=routes(st.get_option("server.baseUrlPath")))
