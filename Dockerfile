# The app for strangers, on port 8501. Nothing is written but temporary files:
#     docker build --tag recursion-lens .
#     docker run --read-only --tmpfs /tmp --publish 8501:8501 recursion-lens
# Options of `recursion-lens` may follow, such as `--model-dir /models` with `--volume FOLDER:/models:ro`.
FROM python:3.12-slim

# torch without CUDA is a tenth of the size.
RUN --mount=type=bind,source=requirements.txt,target=/source/requirements.txt \
    pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu --requirement /source/requirements.txt
RUN --mount=type=bind,target=/source \
    pip install --no-cache-dir --no-deps /source

# No user of this image: it needs no home folder, no group and no write permission.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8501/_stcore/health')"]
ENTRYPOINT ["recursion-lens", "--public", "--no-browser", "--port", "8501"]
