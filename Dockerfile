# renewd as a container: docker build -t renewd . ; docs/containers.md says how to run it.
FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=all
COPY . /src
# An own package index: docker build --secret id=pip,src=pip.conf … ; it stays in no layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/renewd \
    && /opt/renewd/bin/pip install --no-cache-dir "/src[${EXTRAS}]" \
    && /opt/renewd/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
# The folders are there so that new volumes, which take over what they cover, belong to renewd. The standard library comes
# without bytecode, which nothing could keep where the root is read-only: every command would compile it anew.
RUN groupadd --gid 10001 renewd \
    && useradd --uid 10001 --gid 10001 --home-dir / --no-create-home --shell /usr/sbin/nologin renewd \
    && install -d -o renewd -g renewd -m 0700 /var/lib/renewd \
    && install -d -o renewd -g renewd -m 0755 /certificates /challenges \
    && python3 -m compileall -q -x '/(lib2to3|idlelib|test|tests)/' "$(python3 -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=build /opt/renewd /opt/renewd
ENV PATH=/opt/renewd/bin:$PATH
USER 10001:10001
# The tick, not the CA and not the certificates: what a new start of the container could mend.
HEALTHCHECK --interval=1m --timeout=15s --start-period=1m CMD ["renewd", "health"]
ENTRYPOINT ["renewd"]
CMD ["run"]
