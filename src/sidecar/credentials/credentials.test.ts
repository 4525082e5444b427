import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log } from '../log.ts';
import { addClientKey, CLIENT_KEYS_FILE, generateClientKey, removeClientKey } from './client-keys.ts';
import { openCredentials, type Credentials } from './credentials.ts';

const FILE_KEY = 'made-up-client-key-of-the-file';

let root: string;
let dir: string;
let logged: string[];
let opened: Credentials | null;
let onChange: () => void;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nexus-credentials-'));
  dir = join(root, 'credentials');
  logged = [];
  opened = null;
  onChange = () => undefined;
});
afterEach(() => {
  opened?.close();
  rmSync(root, { recursive: true });
});

const note =
  (level: string) =>
  (message: string, fields: Record<string, unknown> = {}): void => {
    logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };

function open(): Credentials {
  opened = openCredentials(dir, log, () => {
    onChange();
  });
  return opened;
}

/** Resolves when the directory, which is being changed, has got to this. */
function become(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    onChange = () => {
      if (condition()) resolve();
    };
    onChange();
  });
}

const apiKey = (more: object = {}): string =>
  JSON.stringify({ type: 'api_key', api_key: 'sk-ant-made-up', client_api_key: FILE_KEY, ...more });

function save(name: string, text: string): void {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
}

function makeDir(): void {
  mkdirSync(dir, { mode: 0o700 });
}

/** The domains with what there is for each. */
function found(credentials: Credentials): Record<string, string> {
  return Object.fromEntries(
    credentials.status().domains.map(({ domain, type, problem }) => [domain, type ?? problem ?? '']),
  );
}

describe('what is there at the start', () => {
  test('a missing directory is made, for this user alone', () => {
    const credentials = open();
    expect(credentials.status()).toEqual({ dir, domains: [], problems: [], warnings: [] });
  });
  test('a file per domain, whatever the case of its name', () => {
    makeDir();
    save('Team.Example.credentials.json', apiKey({ accountId: 'acc_team' }));
    const credentials = open();
    expect(found(credentials)).toEqual({ 'team.example': 'api_key' });
    expect(credentials.find('team.example')?.file?.accountId).toBe('acc_team');
    expect(credentials.find('other.example')).toBeUndefined();
  });
  test('odd names and files of others are no domains, and a bad file hides nobody', () => {
    makeDir();
    save('good.example.credentials.json', apiKey());
    save('bad.example.credentials.json', '{"type":"api_key","api_key":"sk-ant-secret"');
    save('empty.example.credentials.json', '{"type":"api_key"}');
    save('a..b.credentials.json', apiKey());
    save('a%2fb.credentials.json', apiKey());
    save('-.credentials.json', apiKey());
    save('.hidden.credentials.json', apiKey());
    save('notes.json', '{}');
    mkdirSync(join(dir, 'folder.example.credentials.json'), { mode: 0o700 });
    const credentials = open();
    const bad = join(dir, 'bad.example.credentials.json');
    expect(found(credentials)).toMatchObject({
      'good.example': 'api_key',
      'bad.example': expect.stringContaining(`${bad}: is not JSON`) as string,
      'empty.example': expect.stringContaining('api_key: ') as string,
      'folder.example': expect.stringContaining('is not a file') as string,
    });
    expect(credentials.status().problems).toEqual([
      expect.stringContaining('"-" is no domain') as string,
      expect.stringContaining('"a%2fb" is no domain') as string,
      expect.stringContaining('"a..b" is no domain') as string,
    ]);
    expect(logged.filter((line) => line.startsWith('warn')).join()).toContain(bad);
    expect(JSON.stringify([credentials.status(), logged])).not.toMatch(/sk-ant|made-up/);
  });
  test.skipIf(process.platform === 'win32')('a port is no part of a name', () => {
    makeDir();
    save('team.example:80.credentials.json', apiKey());
    expect(open().status()).toMatchObject({
      domains: [],
      problems: [expect.stringContaining('is no domain')],
    });
  });
  test.skipIf(process.platform === 'win32')('what others can read is warned of, and used', () => {
    makeDir();
    save('a.example.credentials.json', apiKey());
    save('b.example.credentials.json', apiKey());
    chmodSync(join(dir, 'a.example.credentials.json'), 0o640);
    chmodSync(dir, 0o755);
    const credentials = open();
    expect(found(credentials)).toEqual({ 'a.example': 'api_key', 'b.example': 'api_key' });
    expect(credentials.status().warnings).toEqual([
      expect.stringContaining(`chmod 700 "${dir}"`) as string,
      expect.stringContaining('chmod 600') as string,
    ]);
  });
});

describe('what changes later', () => {
  test('new, saved over, atomically saved, broken, mended, renamed, deleted', async () => {
    const credentials = open();
    save('a.example.credentials.json', apiKey({ accountId: 'one' }));
    await become(() => credentials.find('a.example')?.file?.accountId === 'one');
    save('a.example.credentials.json', apiKey({ accountId: 'two' }));
    await become(() => credentials.find('a.example')?.file?.accountId === 'two');
    save('a.example.credentials.json.tmp', apiKey({ accountId: 'three' }));
    renameSync(join(dir, 'a.example.credentials.json.tmp'), join(dir, 'a.example.credentials.json'));
    await become(() => credentials.find('a.example')?.file?.accountId === 'three');
    save('a.example.credentials.json', 'no longer');
    await become(() => credentials.find('a.example')?.file === null);
    expect(credentials.isKeyOf('a.example', FILE_KEY)).toBe(false);
    save('a.example.credentials.json', apiKey());
    await become(() => credentials.find('a.example')?.file?.type === 'api_key');
    renameSync(join(dir, 'a.example.credentials.json'), join(dir, 'b.example.credentials.json'));
    await become(() => credentials.find('a.example') === undefined);
    expect(found(credentials)).toEqual({ 'b.example': 'api_key' });
    rmSync(join(dir, 'b.example.credentials.json'));
    await become(() => credentials.find('b.example') === undefined);
  });
  test('a file saved elsewhere that is linked to, as mounted secrets are', async () => {
    makeDir();
    for (const version of ['one', 'two']) {
      mkdirSync(join(root, version));
      writeFileSync(join(root, version, 'file'), apiKey({ accountId: version }), { mode: 0o600 });
    }
    const current = join(dir, '..data');
    symlinkSync(join(root, 'one'), current);
    symlinkSync(join(current, 'file'), join(dir, 'a.example.credentials.json'));
    const credentials = open();
    expect(credentials.find('a.example')?.file?.accountId).toBe('one');
    symlinkSync(join(root, 'two'), `${current}.new`);
    renameSync(`${current}.new`, current);
    await become(() => credentials.find('a.example')?.file?.accountId === 'two');
  });
  test('a directory that is replaced by another', async () => {
    const credentials = open();
    save('a.example.credentials.json', apiKey());
    await become(() => credentials.find('a.example') !== undefined);
    mkdirSync(`${dir}.new`, { mode: 0o700 });
    renameSync(dir, `${dir}.old`);
    renameSync(`${dir}.new`, dir);
    await become(() => credentials.find('a.example') === undefined);
    save('b.example.credentials.json', apiKey());
    await become(() => credentials.find('b.example') !== undefined);
  });
});

describe('client keys', () => {
  test('the file’s own and named ones open their domain and no other', async () => {
    makeDir();
    save('a.example.credentials.json', apiKey());
    save('b.example.credentials.json', apiKey({ client_api_key: 'made-up-key-of-another' }));
    const path = join(dir, CLIENT_KEYS_FILE);
    const key = generateClientKey();
    const { id } = await addClientKey(path, key, 'a.example', 'laptop', new Date(0));
    const credentials = open();
    const check = (domain: string, given: string, expected: boolean): void => {
      expect([domain, given, credentials.isKeyOf(domain, given)]).toEqual([domain, given, expected]);
    };
    check('a.example', FILE_KEY, true);
    check('a.example', key, true);
    check('b.example', FILE_KEY, false);
    check('b.example', key, false);
    check('b.example', 'made-up-key-of-another', true);
    check('a.example', 'made-up-key-of-another', false);
    check('a.example', '', false);
    check('a.example', `${key}x`, false);
    check('c.example', key, false);
    expect(
      [FILE_KEY, key, 'cnp_live_anything', 'sk-ant-made-up'].map((given) => credentials.isClientKey(given)),
    ).toEqual([true, true, true, false]);
    expect(credentials.plainKeys()).toEqual([FILE_KEY, 'made-up-key-of-another']);
    expect(credentials.status().domains.map(({ clientKeys }) => clientKeys)).toEqual([2, 1]);
    await removeClientKey(path, id);
    await become(() => !credentials.isKeyOf('a.example', key));
    check('a.example', FILE_KEY, true);
  });
  test('a key file that cannot be used opens nothing and is named', async () => {
    makeDir();
    save('a.example.credentials.json', apiKey());
    save(CLIENT_KEYS_FILE, '{"keys":[{"id":"x"}]}');
    const credentials = open();
    expect(credentials.status().problems).toEqual([expect.stringContaining(CLIENT_KEYS_FILE) as string]);
    const key = generateClientKey();
    rmSync(join(dir, CLIENT_KEYS_FILE));
    await addClientKey(join(dir, CLIENT_KEYS_FILE), key, 'a.example', null, new Date(0));
    await become(() => credentials.isKeyOf('a.example', key));
    expect(credentials.status().problems).toEqual([]);
  });
  test('made keys have the form users know', () => {
    expect(generateClientKey()).toMatch(/^cnp_live_[A-Za-z0-9_-]{43}$/);
    expect(generateClientKey()).not.toBe(generateClientKey());
  });
});
