"""The Streamlit app. It draws; whatever is computed is computed in trm and probes."""
