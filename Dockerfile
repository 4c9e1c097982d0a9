# The images: worker, worker-lean, console, trainer. What is in each, and how to build them, stands in docs/image.md.
#
# The base is pinned by the digest of its index (amd64 and arm64). To renew it, take the digest that
#     docker buildx imagetools inspect python:3.11-slim-bookworm
# shows, write it here together with the Python version it has, and let the tests of the image run.
ARG BASE=python:3.11.17-slim-bookworm@sha256:2333bd330d12de02514770b3585cad313644316047cdee24a7acfdece6de6efb

# checkov:skip=CKV_DOCKER_7: the tag stands in the digest's argument above, where checkov does not look
# checkov:skip=CKV_DOCKER_2: Kubernetes asks the probes, and knows no HEALTHCHECK
# Not one file is added here: image.sh counts the layers of this stage to tell what is beyond the base.
FROM ${BASE} AS base


# ---- what builds; nothing of it is in an image ----

FROM base AS tools
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# `tidy FOLDER` makes a folder the same whoever builds it, and whenever: no tests of libraries, bytecode that is valid
# by itself (the file system is read-only later on), no bits of the builder's umask, one date.
# hadolint ignore=SC2016
RUN printf '%s\n' '#!/bin/sh -eu' \
        'find "$1" -type d -name tests -prune -exec rm -rf {} +' \
        'python -m compileall -q --invalidation-mode unchecked-hash "$1"' \
        'chmod -R u=rwX,go=rX "$1"' \
        'find "$1" -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} +' > /usr/local/bin/tidy \
    && chmod 755 /usr/local/bin/tidy \
    && python -m venv --without-pip /opt/leadline
# What pip does with --python, it does inside the environment, which has no pip of its own.
ENV INSTALL="python -m pip --python /opt/leadline/bin/python install --no-deps --require-hashes --no-compile --only-binary :all: --requirement"

# click and rich belong to the command line, which is not in this image; nothing that the worker runs imports them.
FROM tools AS worker-libraries
COPY requirements.txt ./
RUN ${INSTALL} requirements.txt \
    && python -m pip --python /opt/leadline/bin/python uninstall --yes click markdown-it-py mdurl pygments rich \
    && tidy /opt/leadline

# Without what only the pickle needs: this worker serves the compiled model, and nothing is unpickled in it.
FROM worker-libraries AS lean-libraries
RUN python -m pip --python /opt/leadline/bin/python uninstall --yes joblib scikit-learn scipy threadpoolctl \
    && tidy /opt/leadline

FROM tools AS console-libraries
COPY requirements-console.txt ./
RUN ${INSTALL} requirements-console.txt \
    && python -m pip --python /opt/leadline/bin/python uninstall --yes markdown-it-py mdurl pygments rich \
    && tidy /opt/leadline

FROM tools AS trainer-libraries
COPY requirements-train.txt ./
RUN ${INSTALL} requirements-train.txt \
    && tidy /opt/leadline

# Our own packages lie where they are in the image, for bytecode names its source.
FROM tools AS worker-code
WORKDIR /opt/leadline/lib/python3.11/site-packages
COPY schemas ./schemas
COPY propensity ./propensity
COPY ports ./ports
COPY worker ./worker
RUN tidy .

FROM worker-code AS console-code
COPY console ./console
RUN tidy .

FROM trainer-libraries AS trainer-code
COPY . .
RUN python -m pip --python /opt/leadline/bin/python install --no-deps --no-index --no-build-isolation --no-compile . \
    && tidy /opt/leadline


# ---- what runs ----

# The base's own pip is not ours, and has no business in production.
FROM base AS runtime
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip*
# SAFEPATH: what somebody writes into the working folder is not imported. Only /tmp can be written to.
ENV PATH=/opt/leadline/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
WORKDIR /tmp
STOPSIGNAL SIGTERM
USER 10001:10001

FROM runtime AS trainer
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1980-01-01T00:00:00Z
COPY --from=trainer-code /opt/leadline /opt/leadline
LABEL org.opencontainers.image.title="leadline trainer" \
      org.opencontainers.image.description="Trains, compares, judges and signs models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENTRYPOINT ["leadline"]

# The bundle, and the key that it is signed with. Read-only, and the last layer: nothing else changes between two models.
FROM tools AS bundle
ARG BUNDLE=build/model
ARG PUBLIC_KEY=build/release-key.pem
COPY ${BUNDLE} /srv/leadline/model
COPY ${PUBLIC_KEY} /srv/leadline/release-key.pem
RUN tidy /srv/leadline

# A bundle without its compiled form would leave the lean worker with nothing to serve.
FROM bundle AS compiled-bundle
RUN test -f /srv/leadline/model/compiled.npz \
    || { echo "the bundle has no compiled.npz: leadline model compile, then sign it again" >&2; exit 1; }

FROM runtime AS console
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1980-01-01T00:00:00Z
ARG MODEL_SHA256=unknown
ENV LEADLINE_MODEL=/srv/leadline/model \
    LEADLINE_PUBLIC_KEY=/srv/leadline/release-key.pem
EXPOSE 8000
COPY --from=console-libraries /opt/leadline /opt/leadline
COPY --from=console-code /opt/leadline/lib/python3.11/site-packages /opt/leadline/lib/python3.11/site-packages
COPY --from=bundle /srv/leadline /srv/leadline
LABEL org.opencontainers.image.title="leadline console" \
      org.opencontainers.image.description="Scores, model card and leads, read-only" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      leadline.model.sha256="${MODEL_SHA256}"
ENTRYPOINT ["python", "-m", "console"]

FROM runtime AS worker
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1980-01-01T00:00:00Z
ARG MODEL_SHA256=unknown
ENV LEADLINE_MODEL=/srv/leadline/model \
    LEADLINE_PUBLIC_KEY=/srv/leadline/release-key.pem
EXPOSE 8080
COPY --from=worker-libraries /opt/leadline /opt/leadline
COPY --from=worker-code /opt/leadline/lib/python3.11/site-packages /opt/leadline/lib/python3.11/site-packages
COPY --from=bundle /srv/leadline /srv/leadline
LABEL org.opencontainers.image.title="leadline worker" \
      org.opencontainers.image.description="Customer events in, leads out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      leadline.model.sha256="${MODEL_SHA256}"
ENTRYPOINT ["python", "-m", "worker"]

FROM runtime AS worker-lean
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1980-01-01T00:00:00Z
ARG MODEL_SHA256=unknown
ENV LEADLINE_MODEL=/srv/leadline/model \
    LEADLINE_PUBLIC_KEY=/srv/leadline/release-key.pem \
    LEADLINE_SCORER=compiled
EXPOSE 8080
COPY --from=lean-libraries /opt/leadline /opt/leadline
COPY --from=worker-code /opt/leadline/lib/python3.11/site-packages /opt/leadline/lib/python3.11/site-packages
COPY --from=compiled-bundle /srv/leadline /srv/leadline
LABEL org.opencontainers.image.title="leadline worker-lean" \
      org.opencontainers.image.description="Customer events in, leads out, by the compiled model" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      leadline.model.sha256="${MODEL_SHA256}"
ENTRYPOINT ["python", "-m", "worker"]
