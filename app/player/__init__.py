"""The step player as a Streamlit component."""
