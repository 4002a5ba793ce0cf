"""The step player: JavaScript that draws a trace, bundled for the app and the offline page."""
