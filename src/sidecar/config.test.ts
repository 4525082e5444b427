import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { optionLines, readConfig, type ServeConfig } from './config.ts';
import { NexusError } from './errors.ts';

const cwd = mkdtempSync(join(tmpdir(), 'nexus-config-'));
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

function check(args: string[], env: NodeJS.ProcessEnv, expected: Partial<ServeConfig>, dotEnv = ''): void {
  writeFileSync(join(cwd, '.env'), dotEnv);
  expect(readConfig(args, env, cwd)).toMatchObject(expected);
}

function checkRefused(args: string[], env: NodeJS.ProcessEnv, expected: RegExp): void {
  writeFileSync(join(cwd, '.env'), '');
  let thrown: unknown;
  try {
    readConfig(args, env, cwd);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NexusError);
  expect((thrown as NexusError).code).toBe('invalid_option');
  expect((thrown as NexusError).message).toMatch(expected);
}

describe('where a setting comes from', () => {
  test('defaults', () => {
    check(
      [],
      { HOME: '/home/a' },
      { host: '127.0.0.1', port: 3000, upstream: 'https://api.anthropic.com', pathKey: false },
    );
    check(
      [],
      {},
      { storageEnabled: true, upstreamTimeoutMs: 600_000, serverTimeoutMs: 660_000, withoutEffect: [] },
    );
  });
  test('option beats environment beats .env', () => {
    check([], {}, { port: 1111 }, 'PORT=1111');
    check([], { PORT: '2222' }, { port: 2222 }, 'PORT=1111');
    check(['--port', '3333'], { PORT: '2222' }, { port: 3333 }, 'PORT=1111');
    check(['--port=0'], { PORT: '2222' }, { port: 0 });
  });
  test('an empty value is none', () => {
    check([], { PORT: '' }, { port: 1111 }, 'PORT=1111');
    check([], {}, { port: 3000, databaseUrl: undefined }, 'PORT=\nDATABASE_URL=\n');
  });
});

describe('shapes', () => {
  test('flags', () => {
    check(['--path-key'], {}, { pathKey: true });
    check(['--path-key=off'], { PROXY_PATH_KEY: 'true' }, { pathKey: false });
    check([], { PROXY_PATH_KEY: 'on', STORAGE_ENABLED: '0' }, { pathKey: true, storageEnabled: false });
  });
  test('a list of hosts, a relative directory, settings without effect', () => {
    check(
      [],
      { ALLOWED_HOSTS: 'A.example, b.example:8080' },
      { allowedHosts: ['a.example', 'b.example:8080'] },
    );
    check(['--data-dir', 'data'], {}, { dataDir: join(cwd, 'data') });
    check([], { STORAGE_ADAPTER_CLEANUP_MS: '1' }, { withoutEffect: ['STORAGE_ADAPTER_CLEANUP_MS'] });
  });
});

describe('credentials', () => {
  test('their directory: in the data directory unless said otherwise', () => {
    check(['--data-dir', 'data'], {}, { credentialsDir: join(cwd, 'data', 'credentials') });
    check(['--credentials-dir', 'mine'], {}, { credentialsDir: join(cwd, 'mine') });
    check([], { CREDENTIALS_DIR: '/x/y' }, { credentialsDir: resolve('/x/y') });
  });
  test('client authentication is on unless switched off', () => {
    check([], {}, { clientAuth: true });
    check([], { ENABLE_CLIENT_AUTH: 'false' }, { clientAuth: false });
    checkRefused([], { ENABLE_CLIENT_AUTH: 'maybe' }, /^ENABLE_CLIENT_AUTH: expected true or false$/);
  });
});

describe('what is stored', () => {
  test('redaction: the own keys unless said otherwise', () => {
    check([], {}, { redactBodies: 'own' });
    check([], { REDACT_BODIES: 'all' }, { redactBodies: 'all' });
    check([], { REDACT_BODIES: 'none' }, { redactBodies: 'none' }, 'REDACT_BODIES=all');
    checkRefused([], { REDACT_BODIES: 'some' }, /^REDACT_BODIES: .*"own"\|"all"\|"none"/);
  });
  test('retention: without limits unless said otherwise', () => {
    check([], {}, { retentionDays: 0, retentionMegabytes: 0 });
    check(
      [],
      { RETENTION_DAYS: '30', RETENTION_MB: '2000' },
      { retentionDays: 30, retentionMegabytes: 2000 },
    );
    check([], {}, { retentionDays: 0.5 }, 'RETENTION_DAYS=0.5');
    checkRefused([], { RETENTION_DAYS: 'a month' }, /^RETENTION_DAYS: expected days$/);
    checkRefused([], { RETENTION_DAYS: '-1' }, /^RETENTION_DAYS: /);
    checkRefused([], { RETENTION_MB: '2 GB' }, /^RETENTION_MB: expected megabytes$/);
  });
  test('tries after the first: none unless said otherwise', () => {
    check([], {}, { upstreamRetries: 0 });
    check([], { CLAUDE_API_RETRIES: '3' }, { upstreamRetries: 3 });
    checkRefused([], { CLAUDE_API_RETRIES: '11' }, /^CLAUDE_API_RETRIES: /);
    checkRefused([], { CLAUDE_API_RETRIES: 'some' }, /^CLAUDE_API_RETRIES: expected a number of tries$/);
  });
  test('samples: only when asked for, in a directory of the working directory', () => {
    check([], { TEST_SAMPLES_DIR: 'elsewhere' }, { samplesDir: null });
    check([], { COLLECT_TEST_SAMPLES: 'true' }, { samplesDir: join(cwd, 'test-samples') });
    check([], { COLLECT_TEST_SAMPLES: '1', TEST_SAMPLES_DIR: '/x/y' }, { samplesDir: resolve('/x/y') });
    checkRefused([], { COLLECT_TEST_SAMPLES: 'often' }, /^COLLECT_TEST_SAMPLES: expected true or false$/);
  });
  test('.env.example names every variable of this group with its default', () => {
    const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
    check([], {}, readConfig([], {}, cwd), example.replace(/^#.*$/gm, ''));
    for (const name of [
      'REDACT_BODIES',
      'RETENTION_DAYS',
      'RETENTION_MB',
      'COLLECT_TEST_SAMPLES',
      'TEST_SAMPLES_DIR',
      'NEXUS_PROXY_STRICT_SSL',
      'NEXUS_SYSTEM_CERTIFICATES',
      'CLAUDE_API_RETRIES',
      'DEBUG',
      'DEBUG_SQL',
      'SLOW_QUERY_THRESHOLD_MS',
    ]) {
      expect(example).toMatch(new RegExp(`^${name}=`, 'm'));
    }
  });
});

test('credentials: beside the data unless said otherwise; tokens only go where nobody listens', () => {
  check(['--data-dir', 'data'], {}, { credentialsDir: join(cwd, 'data', 'credentials') });
  check([], { CREDENTIALS_DIR: 'mine' }, { credentialsDir: join(cwd, 'mine') });
  check(['--credentials-dir=/x/y'], { CREDENTIALS_DIR: 'mine' }, { credentialsDir: resolve('/x/y') });
  check([], {}, { oauthTokenUrl: 'https://platform.claude.com/v1/oauth/token' });
  checkRefused(
    [],
    { CLAUDE_OAUTH_TOKEN_URL: 'http://a.example/' },
    /^CLAUDE_OAUTH_TOKEN_URL: expected https/,
  );
});

describe('the network', () => {
  test('a proxy from the environment, else from .env', () => {
    const { proxy } = readConfig([], { https_proxy: 'http://p.example:3128' }, cwd).proxyRules;
    expect(proxy).toMatchObject({ host: 'p.example', port: 3128, variable: 'https_proxy' });
    check([], {}, { proxyRules: { proxy: null, noProxy: 'a.example', ignored: [] } }, 'NO_PROXY=a.example');
    check([], {}, { proxyStrictSsl: true, systemCertificates: true });
    check(
      [],
      { NEXUS_PROXY_STRICT_SSL: 'false', NEXUS_SYSTEM_CERTIFICATES: 'off' },
      { proxyStrictSsl: false, systemCertificates: false },
    );
    checkRefused([], { HTTPS_PROXY: 'socks5://p.example' }, /^HTTPS_PROXY: .*socks5:/);
  });
});

test('what is wrong is named, with the way out', () => {
  checkRefused(['--prot', '1'], {}, /--prot: .*did you mean --port\?/);
  checkRefused(['--upstreem=https://a.example'], {}, /--upstreem: .*did you mean --upstream\?/);
  checkRefused(['--qqqqqqqqqqqqqqqqqq'], {}, /^--qqqqqqqqqqqqqqqqqq: there is no such option$/);
  checkRefused(['--port', 'many'], {}, /^--port: expected a port number$/);
  checkRefused([], { PORT: '70000' }, /^PORT: /);
  checkRefused(['--port'], {}, /^--port: needs a value$/);
  checkRefused(['now'], {}, /^now: /);
  checkRefused([], { PROXY_PATH_KEY: 'perhaps' }, /^PROXY_PATH_KEY: expected true or false$/);
});

test('a wrong database URL is refused without showing it', () => {
  checkRefused(
    [],
    { DATABASE_URL: 'mysql://user:hunter2@db.example/x' },
    /^DATABASE_URL: expected postgresql:/,
  );
  checkRefused([], { DATABASE_URL: 'mysql://user:hunter2@db.example/x' }, /^(?!.*hunter2)/);
});

test('every option is in the help', () => {
  expect(optionLines().map((line) => line.trim().split(' ')[0])).toEqual([
    '--host',
    '--port',
    '--data-dir',
    '--upstream',
    '--database-url',
    '--credentials-dir',
    '--path-key',
    '--idle-exit',
  ]);
});
