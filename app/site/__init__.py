"""The site: static pages on which the bundled models run in the browser, without a server (`make site`)."""
