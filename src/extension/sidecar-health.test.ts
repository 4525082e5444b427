import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReadyLine } from '../protocol/status.ts';
import { answers, endSidecar, pause } from './sidecar-health.ts';

let server: Server | null = null;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
  server = null;
});

/** A sidecar of which only its address and process matter; `onStop` is what it does when asked to stop. */
async function sidecar(options: { pid?: number; onStop?: () => void } = {}): Promise<ReadyLine> {
  server = createServer((request, response) => {
    const stop = request.method === 'POST' && request.url === '/api/shutdown';
    const allowed = request.headers.authorization === 'Bearer made-up';
    if (stop && allowed) options.onStop?.();
    response.statusCode =
      request.url === '/health/live' ? 200 : stop && allowed && options.onStop ? 202 : 404;
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${String(port)}`;
  return {
    ready: true,
    url,
    baseUrl: url,
    token: 'made-up',
    pid: options.pid ?? process.pid,
    version: '1.0.0',
    protocolVersion: 1,
    attached: false,
  };
}

/** A process that does `program`, once it runs. */
async function running(program: string) {
  const child = spawn(process.execPath, ['-e', `${program}; console.log('up')`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  return { child, pid: child.pid ?? 0, exit: once(child, 'exit') };
}

describe('health', () => {
  it('is an answer', async () => {
    await expect(answers(await sidecar())).resolves.toBe(true);
  });

  it('is not a closed port', async () => {
    const ready = await sidecar();
    server?.close();
    server?.closeAllConnections();
    await expect(answers(ready)).resolves.toBe(false);
  });
});

describe('ending a sidecar', () => {
  it('asks it, with the token, and waits for its process', async () => {
    const { child, pid, exit } = await running('setInterval(() => {}, 1000)');
    await endSidecar(await sidecar({ pid, onStop: () => child.kill('SIGTERM') }));
    await expect(exit).resolves.toEqual([null, 'SIGTERM']);
  });

  it('sends a signal where it cannot be asked', async () => {
    const { pid, exit } = await running('setInterval(() => {}, 1000)');
    await endSidecar(await sidecar({ pid }));
    await expect(exit).resolves.toEqual([null, 'SIGTERM']);
  });

  it('sends a signal where its address is not known', async () => {
    const { pid, exit } = await running('setInterval(() => {}, 1000)');
    await endSidecar({ pid, url: null, token: null });
    await expect(exit).resolves.toEqual([null, 'SIGTERM']);
  });

  it('ends the hard way what hangs', async () => {
    const { pid, exit } = await running(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`);
    await endSidecar(await sidecar({ pid }), 100);
    await expect(exit).resolves.toEqual([null, 'SIGKILL']);
  });

  it('has nothing to do where there is no process', async () => {
    const { child, pid, exit } = await running('');
    child.kill();
    await exit;
    await expect(endSidecar(await sidecar({ pid }))).resolves.toBeUndefined();
  });
});

it('pauses until it is told to stop', async () => {
  const controller = new AbortController();
  const paused = pause(3_600_000, controller.signal);
  controller.abort();
  await paused;
  await pause(3_600_000, controller.signal);
  expect(controller.signal.aborted).toBe(true);
});
