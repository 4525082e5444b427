import { hc } from 'hono/client';
import type { SidecarApi } from '../sidecar/api/app.ts';

/** The control API, typed by the sidecar's own routes. */
export type Client = ReturnType<typeof hc<SidecarApi>>;

/**
 * A client of the control API at `baseUrl` (the sidecar's origin). `fetch` adds the token, or is a webview's pipe to
 * its host.
 */
export function createClient(baseUrl: string, fetch: typeof globalThis.fetch): Client {
  return hc<SidecarApi>(baseUrl, { fetch });
}
