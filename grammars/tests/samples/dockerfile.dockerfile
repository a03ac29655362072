# syntax=docker/dockerfile:1
ARG VERSION=1.91

FROM rust:${VERSION} AS build
WORKDIR /src
COPY --chown=1000:1000 . .
RUN --mount=type=cache,target=/cache \
    cargo build --release \
    && cp target/release/parts /parts

FROM build AS test
RUN cargo test

FROM debian:stable-slim
LABEL org.example.name="parts" org.example.version="1.0"
ENV SHELF_MAX=64 \
    OPEN=true
COPY --from=build /parts /usr/bin/parts
EXPOSE 8080/tcp
HEALTHCHECK --interval=5s CMD ["parts", "check"]
USER nobody
ENTRYPOINT ["/usr/bin/parts"]
CMD ["--all", "{"]
