import { describe, it } from 'vitest';
import { checkBytes } from '../support/bytes.ts';
import { startProxyTarget } from '../support/proxy-target.ts';
import { startSidecar } from '../support/sidecar.ts';

describe('bytes through the proxy', () => {
  it('are the same as without it, both ways, for 200 random exchanges', async () => {
    await checkBytes((upstreamUrl) => startProxyTarget(upstreamUrl), 200);
  }, 120_000);

  it('are the same under a path key and a project', async () => {
    const pathKey = 'a-made-up-path-key';
    const prefix = `/k/${pathKey}/p/my%20project`;
    await checkBytes((upstreamUrl) => startProxyTarget(upstreamUrl, { pathKey, prefix }), 40);
  }, 60_000);

  it('are the same through the whole sidecar, recording on, for 200 random exchanges', async () => {
    await checkBytes(async (upstreamUrl) => {
      const sidecar = await startSidecar({ upstream: upstreamUrl, pathKey: true });
      return { baseUrl: `${sidecar.baseUrl}/p/bytes`, close: () => sidecar.remove() };
    }, 200);
  }, 180_000);
});
