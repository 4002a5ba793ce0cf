"""The step player: components in the browser, and the payload that the player is sent."""
