"""The Streamlit app. It only draws; all computation is in trm and probes."""
