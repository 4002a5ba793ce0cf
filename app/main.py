"""Recursion Lens: the app's entry point and router. Run it with `make app`, or `streamlit run app/main.py`."""

import sys
from pathlib import Path

import streamlit as st

if (root := str(Path(__file__).resolve().parent.parent)) not in sys.path:
    sys.path.insert(0, root)  # Streamlit puts app/ on the path, not the folder that holds app, trm and probes

from app.options import OptionError, server_options
from app.text import plain


def main() -> None:
    st.set_page_config(page_title="Recursion Lens", page_icon=":material/motion_blur:", layout="wide")
    st.html(Path(__file__).with_name("page.css"))
    pages = [
        st.Page("pages/solve.py", title="Solve", icon=":material/grid_on:", default=True),
        st.Page("pages/latents.py", title="Latents", icon=":material/scatter_plot:", url_path="latents"),
        st.Page("pages/probes.py", title="Probes", icon=":material/colorize:", url_path="probes"),
        st.Page("pages/halting.py", title="Halting", icon=":material/front_hand:", url_path="halting"),
        st.Page("pages/compare.py", title="Compare", icon=":material/compare:", url_path="compare"),
        st.Page("pages/lecture.py", title="Lecture", icon=":material/school:", url_path="lecture"),
    ]
    # Before anything can fail: without it Streamlit lists the files of pages/ in a menu of its own.
    page = st.navigation(pages, position="top" if len(pages) > 1 else "hidden")
    try:
        server_options()
    except OptionError as error:
        st.error(plain(str(error)), icon=":material/terminal:")
        return
    page.run()


main()
