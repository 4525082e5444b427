import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand, type Command } from './command.ts';
import { generateApiKey } from './generate-api-key.ts';
import { keys } from './keys.ts';

const KEY = /^cnp_live_[A-Za-z0-9_-]{43}$/;

let root: string;
let dir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nexus-cli-'));
  dir = join(root, 'credentials');
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

interface Said {
  code: number;
  out: string;
  err: string;
}

async function run(command: Command, ...args: string[]): Promise<Said> {
  const said: Said = { code: -1, out: '', err: '' };
  said.code = await runCommand(command, args, {
    env: { DATA_DIR: root },
    cwd: root,
    input: new PassThrough(),
    output: new PassThrough(),
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  });
  return said;
}

interface Generated {
  key: string;
  id: string;
}

async function generate(domain: string, name?: string): Promise<Generated> {
  const more = name === undefined ? [] : [`--name=${name}`];
  const { code, out, err } = await run(generateApiKey, `--domain=${domain}`, ...more, '--json');
  expect([code, err]).toEqual([0, expect.stringContaining('only this once')]);
  return JSON.parse(out) as Generated;
}

async function listed(...args: string[]): Promise<[string | null, string, string][]> {
  const { code, out } = await run(keys, 'list', '--json', ...args);
  expect(code).toBe(0);
  const { keys: all } = JSON.parse(out) as { keys: { id: string | null; domain: string; name: string }[] };
  return all.map(({ id, domain, name }) => [id, domain, name]);
}

async function checkFails(command: Command, args: string[], code: number, words: RegExp): Promise<void> {
  const said = await run(command, ...args);
  expect([args, said.code, said.out]).toEqual([args, code, '']);
  expect(said.err).toMatch(words);
  const json = await run(command, ...args, '--json');
  expect(json.code).toBe(code);
  expect(JSON.parse(json.out)).toMatchObject({ detail: expect.stringMatching(words) as string });
}

describe('generate-api-key', () => {
  test('prints a key and nothing else, and keeps nothing', async () => {
    const { code, out, err } = await run(generateApiKey);
    expect([code, err]).toEqual([0, '']);
    expect(out.trimEnd()).toMatch(KEY);
    expect(out.endsWith('\n')).toBe(true);
    expect(JSON.parse((await run(generateApiKey, '--json')).out)).toEqual({
      key: expect.stringMatching(KEY) as string,
    });
    expect(await listed()).toEqual([]);
  });
  test('with a domain keeps the hash, in a file for this user alone', async () => {
    const { key, id } = await generate('Team.Example:8443', 'laptop');
    expect(key).toMatch(KEY);
    const other = await generate('team.example');
    expect(await listed()).toEqual([
      [id, 'team.example', 'laptop'],
      [other.id, 'team.example', other.id],
    ]);
    const path = join(dir, 'client-keys.json');
    expect(readFileSync(path, 'utf8')).not.toContain(key.slice(9));
    if (process.platform === 'win32') return;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });
  test('says when the domain has no credential yet', async () => {
    const args = ['--domain', 'team.example'];
    expect((await run(generateApiKey, ...args)).err).toContain('opens nothing until there is');
    const file = { type: 'api_key', api_key: 'made-up' };
    writeFileSync(join(dir, 'team.example.credentials.json'), JSON.stringify(file), { mode: 0o600 });
    expect((await run(generateApiKey, ...args)).err).not.toContain('opens nothing');
  });
  test('says what it does not understand', async () => {
    await checkFails(generateApiKey, ['--name', 'laptop'], 2, /--domain/);
    await checkFails(generateApiKey, ['--domain', '../x'], 2, /host name/);
    await checkFails(generateApiKey, ['--domain', 'a.example', '--name', '\u001b[31m'], 2, /visible/);
    await checkFails(generateApiKey, ['--domian', 'a.example'], 2, /--domian/);
    await checkFails(generateApiKey, ['now'], 2, /now/);
    await generate('team.example', 'laptop');
    await checkFails(generateApiKey, ['--domain', 'team.example', '--name', 'laptop'], 2, /already/);
  });
  test('says when the keys cannot be kept', async () => {
    writeFileSync(dir, 'a file where the directory should be');
    await checkFails(generateApiKey, ['--domain', 'team.example'], 1, /credentials/);
  });
});

describe('keys', () => {
  test('lists the credential files’ own keys too, and no secret', async () => {
    const { id, key } = await generate('a.example', 'laptop');
    const file = { type: 'api_key', api_key: 'made-up-api-key', client_api_key: 'made-up-client-key' };
    writeFileSync(join(dir, 'b.example.credentials.json'), JSON.stringify(file), { mode: 0o600 });
    expect(await listed()).toEqual([
      [id, 'a.example', 'laptop'],
      [null, 'b.example', 'client_api_key'],
    ]);
    expect(await listed('--domain', 'B.example')).toEqual([[null, 'b.example', 'client_api_key']]);
    const { out } = await run(keys, 'list');
    expect(out.split('\n')[0]).toMatch(/^ID +DOMAIN +NAME +CREATED$/);
    expect(out).toMatch(new RegExp(`^${id} +a\\.example +laptop +\\d{4}-\\d\\d-\\d\\d$`, 'm'));
    expect(out).not.toMatch(/made-up/);
    expect(out).not.toContain(key.slice(9));
  });
  test('an empty list says how to make one', async () => {
    expect(await run(keys, 'list')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('generate-api-key') as string,
    });
  });
  test('revokes by id and by name, and nothing else', async () => {
    const one = await generate('a.example', 'laptop');
    const two = await generate('b.example', 'laptop');
    const three = await generate('b.example', 'build');
    await checkFails(keys, ['revoke', 'laptop'], 2, /several keys: .*a\.example.*b\.example/);
    await checkFails(keys, ['revoke', 'desk'], 1, /no client API key "desk"/);
    await checkFails(keys, ['revoke', one.id, '--domain', 'b.example'], 1, /for b\.example/);
    const { code, out } = await run(keys, 'revoke', 'laptop', '--domain', 'b.example', '--json');
    expect([code, JSON.parse(out)]).toEqual([
      0,
      { revoked: { id: two.id, name: 'laptop', domain: 'b.example' } },
    ]);
    expect((await run(keys, 'revoke', one.id)).code).toBe(0);
    expect(await listed()).toEqual([[three.id, 'b.example', 'build']]);
  });
  test('a key file that cannot be read is never written over', async () => {
    await generate('a.example', 'laptop');
    const path = join(dir, 'client-keys.json');
    writeFileSync(path, 'no longer JSON');
    await checkFails(generateApiKey, ['--domain', 'a.example'], 1, /client-keys\.json/);
    await checkFails(keys, ['revoke', 'laptop'], 1, /client-keys\.json/);
    expect((await run(keys, 'list')).code).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe('no longer JSON');
  });
  test('says what it does not understand', async () => {
    await checkFails(keys, [], 2, /`list`, or `revoke`/);
    await checkFails(keys, ['lost'], 2, /`list`, or `revoke`/);
    await checkFails(keys, ['list', 'all'], 2, /`list`, or `revoke`/);
    await checkFails(keys, ['revoke'], 2, /`list`, or `revoke`/);
    await checkFails(keys, ['list', '--domain', 'a/b'], 2, /host name/);
  });
});

test.each([
  ['generate-api-key', generateApiKey],
  ['keys', keys],
])('%s --help names every option and the exit codes', async (name, command) => {
  const { code, out, err } = await run(command, '--help');
  expect([code, err]).toEqual([0, '']);
  for (const word of [
    `claude-nexus ${name}`,
    '--domain',
    '--credentials-dir',
    '--data-dir',
    '--json',
    'Exit code',
  ]) {
    expect(out).toContain(word);
  }
});
