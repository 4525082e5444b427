import { expect, test } from 'vitest';
import { settingsFrom, type Settings, type Values } from './settings-values.ts';

/** What one setting is at each level; `workspaceValue` and `workspaceFolderValue` come from a folder's own file. */
interface Levels {
  globalValue?: unknown;
  defaultValue?: unknown;
  workspaceValue?: unknown;
  workspaceFolderValue?: unknown;
}

const valuesOf = (levels: Record<string, Levels>): Values => ({
  inspect: <T>(name: string) => levels[name] as { globalValue?: T; defaultValue?: T } | undefined,
});
const read = (own: Record<string, Levels>, http: Record<string, Levels> = {}): Settings =>
  settingsFrom(valuesOf(own), valuesOf(http));

const plain = read({});

test('without any value each setting has the sidecar’s own default', () => {
  expect(plain).toEqual({
    enabled: true,
    routeTerminals: true,
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
  });
});

test('what the user or the machine says counts, else VS Code’s default', () => {
  const own = {
    upstream: { globalValue: ' https://gateway.example ', defaultValue: '' },
    port: { globalValue: 4100, defaultValue: 0 },
    redactBodies: { defaultValue: 'all' },
    enabled: { globalValue: false, defaultValue: true },
  };
  const http = {
    proxy: { globalValue: 'http://proxy.example:8080' },
    noProxy: { globalValue: ['a.example'] },
  };
  expect(read(own, http)).toEqual({
    ...plain,
    upstream: 'https://gateway.example',
    port: 4100,
    redactBodies: 'all',
    enabled: false,
    network: { ...plain.network, proxy: 'http://proxy.example:8080', noProxy: ['a.example'] },
  });
});

test('what a workspace or a folder says counts for nothing', () => {
  const evil = (value: unknown): Levels => ({ workspaceValue: value, workspaceFolderValue: value });
  const own = {
    enabled: evil(false),
    routeTerminals: evil(false),
    upstream: evil('https://evil.example'),
    databaseUrl: evil('postgres://evil.example/x'),
    dataDir: evil('/tmp/evil'),
    port: evil(1),
    'recording.enabled': evil(false),
    redactBodies: evil('none'),
    'retention.days': evil(1),
    'retention.megabytes': evil(1),
  };
  const http = {
    proxySupport: evil('off'),
    proxy: evil('http://evil.example'),
    noProxy: evil(['*']),
    proxyStrictSSL: evil(false),
    systemCertificates: evil(false),
  };
  expect(read(own, http)).toEqual(plain);
});

test('with proxy support switched off there is no proxy', () => {
  const http = { proxySupport: { globalValue: 'off' }, proxy: { globalValue: 'http://proxy.example:8080' } };
  expect(read({}, http).network.proxy).toBe('');
});
