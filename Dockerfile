# Rookery in a container: the binary, the C library that it needs, and nothing else, not even a shell.
# docs/how-to/container.md says how to run it; scripts/image.py performs this file without Docker and tries the result.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
# Names of functions stay in the binary, for backtraces; tables of lines, two thirds of it, do not.
ENV CARGO_PROFILE_RELEASE_DEBUG=none
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p rookery \
    && install -D target/release/rookery /image/usr/bin/rookery
# The libraries that the binary names; where names of hosts are looked for; who it runs as.
RUN for library in $(ldd /image/usr/bin/rookery | grep -o '/[^ ]*'); do install -D "$library" "/image$library"; done \
    && install -D -m 644 -t /image/usr/share/doc/rookery LICENSE-APACHE LICENSE-MIT \
    && install -d /image/etc /empty \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf \
    && echo 'rookery:x:65532:65532::/data:/usr/sbin/nologin' > /image/etc/passwd \
    && echo 'rookery:x:65532:' > /image/etc/group

FROM scratch
LABEL org.opencontainers.image.title="Rookery" \
      org.opencontainers.image.description="A sharded chat broker" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build --chown=0:0 /image/ /
COPY --from=build --chown=65532:65532 /empty /data
# Published ports are those of 8080; 9464 has the pages for operators, and is for whoever watches the node.
ENV ROOKERY_SERVE__LISTEN=0.0.0.0:8080 \
    ROOKERY_SERVE__DATA=/data \
    ROOKERY_WATCH__LISTEN=0.0.0.0:9464
EXPOSE 8080 9464
VOLUME ["/data"]
WORKDIR /data
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=2m --retries=2 CMD ["/usr/bin/rookery", "health"]
ENTRYPOINT ["/usr/bin/rookery"]
CMD ["serve"]
