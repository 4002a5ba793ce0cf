"""The state of a session: the user's choice, the page's address, and the values of widgets."""
