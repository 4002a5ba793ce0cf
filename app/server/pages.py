"""The router, which draws the requested page. Streamlit runs this script in each rerun."""

from pathlib import Path

import streamlit as st

from app.server.importing import freeze_libraries, import_page
from app.server.options import OptionError, about, server_options
from app.state.widgets import carry_over
from app.ui import text_size
from app.ui.text import plain

# The folder must not be called pages/: Streamlit would use its older multipage scheme, in which the first visitor who
# follows a link to /compare gets the script of that page without this router.
SCREENS = Path(__file__).resolve().parents[1] / "screens"
ICON = Path(__file__).with_name("icon.svg")  # Streamlit would fetch a named icon from another host
PRINTING = Path(__file__).with_name("printing.js")
FIRST = "solve"
PAGES = {  # icon of each page, in the order of the menu; the name is both the folder and the address of the page
    "solve": "grid_on",
    "latents": "scatter_plot",
    "probes": "colorize",
    "halting": "front_hand",
    "compare": "compare",
    "interventions": "science",
    "lecture": "school",
}


def main() -> None:
    st.set_page_config(page_title="Recursion Lens", page_icon=ICON, layout="wide")
    is_embedded = st.context.is_embedded
    for name in ("page.css", "embed.css") if is_embedded else ("page.css",):
        st.html(Path(__file__).with_name(name))
    pages = [
        st.Page(
            SCREENS / name / "page.py",
            title=name.title(),
            icon=f":material/{icon}:",
            url_path=name,
            default=name == FIRST,
        )
        for name, icon in PAGES.items()
    ]
    page = st.navigation(pages, position="hidden" if is_embedded else "top")
    try:
        options = server_options()
    except OptionError as error:
        st.error(plain(about(error)), icon=":material/terminal:")
        return
    if not options.local:
        st.set_option("client.showErrorDetails", "type")  # a traceback would show paths on the server
    import_page(page.url_path or FIRST)
    carry_over(page.url_path)
    page.run()
    with st.container(key="unseen"):
        text_size.watch()
        st.html(f"<script>{PRINTING.read_text('utf-8')}</script>", unsafe_allow_javascript=True)
    freeze_libraries()


main()
