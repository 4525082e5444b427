import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NexusFailure } from './problems.ts';
import {
  launchSidecar,
  readStartLine,
  serveArguments,
  sidecarEnvironment,
  type SidecarOptions,
} from './sidecar-launch.ts';

const plain: SidecarOptions = {
  upstream: '',
  databaseUrl: '',
  dataDir: '',
  port: 0,
  requirePathKey: true,
  recording: true,
  redactBodies: 'own',
  retentionDays: 0,
  retentionMegabytes: 0,
  network: { proxy: '', noProxy: [], proxyStrictSsl: true, systemCertificates: true },
};

describe('the command line', () => {
  it('leaves what is not set to the sidecar', () => {
    expect(serveArguments(plain)).toEqual(['serve', '--path-key=on', '--idle-exit=on', '--port', '0']);
    expect(serveArguments({ ...plain, requirePathKey: false })).toContain('--path-key=off');
  });

  it('carries settings, but never the database URL and its password', () => {
    const args = serveArguments({
      ...plain,
      upstream: 'https://api.example',
      databaseUrl: 'postgresql://me:made-up@db/nexus',
      dataDir: '/data dir',
      port: 4000,
    });
    expect(args).toEqual(expect.arrayContaining(['4000', 'https://api.example', '/data dir']));
    expect(args.join(' ')).not.toContain('made-up');
  });
});

describe('the environment', () => {
  it('keeps the user’s, drops what was meant for other programs, runs as Node', () => {
    const env = sidecarEnvironment(
      {
        PATH: '/bin',
        HTTPS_PROXY: 'http://proxy',
        DATABASE_URL: 'postgresql://my-app',
        PORT: '8080',
        RETENTION_DAYS: '1',
        STORAGE_ENABLED: 'false',
        NODE_OPTIONS: '--inspect',
        VSCODE_PID: '1',
        ELECTRON_NO_ASAR: '1',
      },
      plain,
    );
    expect(env).toEqual({ PATH: '/bin', HTTPS_PROXY: 'http://proxy', ELECTRON_RUN_AS_NODE: '1' });
  });

  it('carries the database URL of the settings', () => {
    const env = sidecarEnvironment(
      { DATABASE_URL: 'postgresql://my-app' },
      { ...plain, databaseUrl: 'postgresql://nexus' },
    );
    expect(env['DATABASE_URL']).toBe('postgresql://nexus');
  });

  it('carries the editor’s proxy settings, which beat the environment’s', () => {
    const env = { https_proxy: 'http://old', HTTP_PROXY: 'http://kept', no_proxy: 'old.example' };
    const network = {
      proxy: 'http://me:made-up@proxy.example:3128',
      noProxy: ['localhost', '.corp.example'],
      proxyStrictSsl: false,
      systemCertificates: false,
    };
    expect(sidecarEnvironment(env, { ...plain, network })).toEqual({
      ELECTRON_RUN_AS_NODE: '1',
      HTTP_PROXY: 'http://kept',
      HTTPS_PROXY: 'http://me:made-up@proxy.example:3128',
      NO_PROXY: 'localhost,.corp.example',
      NEXUS_PROXY_STRICT_SSL: 'false',
      NEXUS_SYSTEM_CERTIFICATES: 'false',
    });
    expect(serveArguments({ ...plain, network }).join(' ')).not.toContain('made-up');
  });

  it('carries what is kept, and for how long', () => {
    const options = { ...plain, recording: false, redactBodies: 'all' };
    expect(sidecarEnvironment({}, { ...options, retentionDays: 90, retentionMegabytes: 2500 })).toEqual({
      ELECTRON_RUN_AS_NODE: '1',
      STORAGE_ENABLED: 'false',
      REDACT_BODIES: 'all',
      RETENTION_DAYS: '90',
      RETENTION_MB: '2500',
    });
  });
});

const ready = {
  ready: true,
  url: 'http://127.0.0.1:4000',
  baseUrl: 'http://127.0.0.1:4000/k/key',
  token: 'made-up',
  pid: 7,
  version: '1.0.0',
  protocolVersion: 1,
  attached: false,
};
const failed = { ready: false, code: 'port_in_use', title: 'Port is taken', detail: '127.0.0.1:80 is used.' };

describe('the first line', () => {
  it('is the ready line', () => {
    expect(readStartLine(JSON.stringify(ready))).toEqual(ready);
  });

  it('names the sidecar of another version that is in the way', () => {
    const owner = {
      pid: 7,
      protocolVersion: 2,
      version: '1.2.0',
      url: 'http://127.0.0.1:4',
      token: 'made-up',
    };
    const line = { ...failed, code: 'other_version', owner };
    expect(readStartLine(JSON.stringify(line))).toMatchObject({ trouble: { code: 'other_version' }, owner });
  });

  it.each([
    [JSON.stringify(failed), 'port_in_use'],
    ['Segmentation fault', 'spawn_failed'],
    ['{"ready":true}', 'spawn_failed'],
  ])('%s is a failure: %s', (line, code) => {
    expect((readStartLine(line) as NexusFailure).trouble.code).toBe(code);
  });
});

describe('a launch', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'nexus-launch-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const launch = (program: string, more: { timeoutMs?: number; signal?: AbortSignal } = {}) => {
    const script = join(dir, 'sidecar.mjs');
    writeFileSync(script, program);
    return launchSidecar({
      node: process.execPath,
      script,
      options: plain,
      cwd: join(dir, 'cwd'),
      stderrFile: join(dir, 'logs', 'start.log'),
      env: process.env,
      timeoutMs: 30_000,
      signal: new AbortController().signal,
      ...more,
    });
  };
  const troubleOfLaunch = async (...args: Parameters<typeof launch>) =>
    (await launch(...args).then(
      () => null,
      (error: unknown) => error as NexusFailure,
    ))!.trouble;

  it('resolves with the ready line, however it arrives', async () => {
    const text = JSON.stringify(ready);
    const program = `process.stdout.write(${JSON.stringify(text.slice(0, 20))}, () =>
      process.stdout.write(${JSON.stringify(`${text.slice(20)}\n`)}));`;
    await expect(launch(program)).resolves.toEqual(ready);
  });

  it('passes the arguments and a working directory of its own', async () => {
    const program = `console.log(JSON.stringify({ ...${JSON.stringify(ready)}, url: process.cwd(), token: process.argv.slice(2).join(' ') }))`;
    const line = await launch(program);
    expect(line.url.endsWith('cwd')).toBe(true);
    expect(line.token).toBe('serve --path-key=on --idle-exit=on --port 0');
  });

  it('tells why the sidecar refused', async () => {
    const program = `console.log(${JSON.stringify(JSON.stringify(failed))}); process.exitCode = 1;`;
    await expect(troubleOfLaunch(program)).resolves.toEqual({ code: 'port_in_use', detail: failed.detail });
  });

  it('tells the error of a crash', async () => {
    const trouble = await troubleOfLaunch(`throw new TypeError('broken install')`);
    expect(trouble).toEqual({ code: 'spawn_failed', detail: 'TypeError: broken install' });
  });

  it('tells that there is no such program', async () => {
    const script = join(dir, 'absent.mjs');
    const trouble = await launchSidecar({
      node: join(dir, 'no-node'),
      script,
      options: plain,
      cwd: dir,
      stderrFile: join(dir, 'start.log'),
      env: process.env,
      timeoutMs: 30_000,
      signal: new AbortController().signal,
    }).catch((error: unknown) => (error as NexusFailure).trouble);
    expect(trouble).toMatchObject({ code: 'spawn_failed', detail: expect.stringContaining('ENOENT') });
  });

  it('ends a sidecar that says nothing in time', async () => {
    const trouble = await troubleOfLaunch(`setInterval(() => {}, 1000)`, { timeoutMs: 300 });
    expect(trouble.code).toBe('start_timeout');
  });

  it('can be given up', async () => {
    const controller = new AbortController();
    const running = troubleOfLaunch(`setTimeout(() => {}, 3000)`, { signal: controller.signal });
    controller.abort();
    await expect(running).resolves.toMatchObject({ code: 'start_timeout' });
  });
});
