"""The step player as a Streamlit component, for a single run and for a pair of runs."""
