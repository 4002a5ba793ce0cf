"""The site: static pages on which the bundled models run in the browser, without a server.

python -m app.site.build --out build/site --runtime FOLDER    builds it; `make site` fetches the runtime first
"""
