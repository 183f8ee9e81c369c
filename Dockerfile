# The image of verify-gateway: one static binary, on a base without shell or libraries, as a user that owns nothing. It
# writes no file, so its root may be read-only.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) --tag verify-gateway:0.1.0 .
#
# Dockerfile.scratch makes the same of a binary that is there, with no network.

# With CA certificates and /etc/passwd, and nothing that runs.
ARG BASE=gcr.io/distroless/static-debian12:nonroot

FROM docker.io/library/rust:1.95.0-bookworm AS build
# Writes the list of dependencies into the binary, where scanners and makers of SBOMs find it.
RUN cargo install --locked cargo-auditable@0.7.7
WORKDIR /source
COPY . .
RUN image/build /verify-gateway

FROM ${BASE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="verify-gateway" \
      org.opencontainers.image.description="A gRPC gateway in front of the Telnyx Verify API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /verify-gateway /usr/local/bin/verify-gateway
USER 65532:65532
# Freed memory goes back to the system after 10 ms, not after a second of quiet (docs/OPERATIONS.md, Sizing).
ENV MIMALLOC_PURGE_DELAY=10
EXPOSE 50051 9090 4010
ENTRYPOINT ["/usr/local/bin/verify-gateway"]
CMD ["serve", "--config=/etc/verify-gateway/config/gateway.yaml"]
