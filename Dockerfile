ARG NODE_IMAGE=node:24-bookworm-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY migrations migrations
RUN npm run build

# The runtime's own Node and a real PostgreSQL stand where the optional packages would be.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund && \
    find node_modules -type f -regex '.*\.\(map\|d\.[cm]?ts\)' -delete

FROM ${NODE_IMAGE}
# docs/releasing.md adds the version.
LABEL org.opencontainers.image.title="partner-attribution-api" \
      org.opencontainers.image.description="Splits every closed deal among the partners who touched it, exactly." \
      org.opencontainers.image.licenses="MIT"
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn*
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
USER node
ENV HOST=0.0.0.0 PORT=3000
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=10s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# V8 would let garbage fill much of a large machine before it looks for any.
CMD ["node", "--max-semi-space-size=32", "dist/src/bin/serve.js"]
