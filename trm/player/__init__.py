"""The step player: JavaScript that draws a trace, and its modules joined to one text for the app and the offline page."""
