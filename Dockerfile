# A release's image: the model's libraries, the server, the user's code, the run. Built by
# scripts/package.py, which makes the build context; works with the classic builder and BuildKit.
# Layers stand in the order in which they change: a new model of the same libraries is one small layer.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS libraries
ARG PIP_INDEX_URL
COPY requirements/ /tmp/requirements/
# The server's few packages first, then the model's own lock: that one decides what both name.
# Tests and the installer are left out; bytecode is compiled, so that a start does not pay for it.
RUN set -eu; \
    if [ -f /tmp/requirements/ca.crt ]; then export PIP_CERT=/tmp/requirements/ca.crt; fi; \
    python3 -m venv /opt/model; \
    for lock in serve model; do \
      if [ -f /tmp/requirements/${lock}.txt ]; then \
        /opt/model/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --quiet \
          -r /tmp/requirements/${lock}.txt; \
      fi; \
    done; \
    /opt/model/bin/pip uninstall --quiet --yes pip setuptools wheel; \
    find /opt/model/lib -depth -type d -name tests -exec rm -rf {} +; \
    /opt/model/bin/python -m compileall -q -j 0 /opt/model/lib >/dev/null || true

FROM ${BASE}
COPY --from=libraries /opt/model /opt/model
COPY framework/ /trainshed/framework/
COPY code/ /trainshed/code/
RUN ["/opt/model/bin/python", "-m", "compileall", "-q", "/trainshed"]
COPY --chown=65532:65532 log/ /trainshed/log/
ENV PATH=/opt/model/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/trainshed/framework \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
EXPOSE 8000
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
    CMD ["python", "-m", "trainshed.serving.health"]
ENTRYPOINT ["python", "-m", "trainshed.serving", "--run", "/trainshed/run", "--host", "0.0.0.0", "--port", "8000", "--log", "/trainshed/log", "--code", "/trainshed/code"]
ADD run.tar /
