import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServeConfig } from './config.ts';
import type { DataDirLayout } from './data-dir.ts';
import { NexusError } from './errors.ts';
import { openListener, type Listener } from './listener.ts';
import type { Log } from './log.ts';
import { saveState, type SidecarState } from './state.ts';

/** Binds the wanted port; 0 means the one this data directory had before, if it is still free, else any. */
export async function listenOnKeptPort(
  config: ServeConfig,
  state: SidecarState,
  layout: DataDirLayout,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  log: Log,
): Promise<Listener> {
  const options = { host: config.host, idleMs: config.serverTimeoutMs, handle };
  const wanted = config.port === 0 ? (state.port ?? 0) : config.port;
  const listener = await openListener({ ...options, port: wanted }).catch((error: unknown) => {
    const kept = config.port === 0 && wanted !== 0;
    if (!kept || !(error instanceof NexusError) || error.code !== 'port_in_use') throw error;
    log.warn('The port used so far is taken by another program; another one is used from now on', {
      port: wanted,
    });
    return openListener({ ...options, port: 0 });
  });
  if (listener.port !== state.port) saveState(layout.state, { ...state, port: listener.port });
  return listener;
}

/** How this machine reaches it: an address that means "all of them" is none to call. */
export function originOf(listenHost: string, port: number): string {
  const host = listenHost === '0.0.0.0' ? '127.0.0.1' : listenHost === '::' ? '::1' : listenHost;
  return `http://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
