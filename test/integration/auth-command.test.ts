import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auth } from '../../src/sidecar/cli/auth-command.ts';
import { runCommand } from '../../src/sidecar/cli/command.ts';
import { openLoopback } from '../../src/sidecar/credentials/login-loopback.ts';
import { jsonIn, OTHER_MEMBERS, tokensIn, writeOauthFile } from '../support/credentials.ts';
import {
  CLIENT_ID,
  createFakeTokenEndpoint,
  type FakeTokenEndpoint,
} from '../support/fake-token-endpoint.ts';

const HOUR = 3_600_000;

let root: string;
let dir: string;
let endpoint: FakeTokenEndpoint;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'nexus-auth-'));
  dir = join(root, 'credentials');
  endpoint = await createFakeTokenEndpoint();
});
afterEach(async () => {
  await endpoint.close();
  rmSync(root, { recursive: true });
});

/** One command, under way. */
interface Run {
  code: Promise<number>;
  out: () => string;
  err: () => string;
  /** The page it has printed. */
  page: Promise<string>;
  type(text: string): void;
  endInput(): void;
}

function run(...args: string[]): Run {
  const said = { out: '', err: '' };
  const page = Promise.withResolvers<string>();
  const input = new PassThrough();
  const hear = (stream: 'out' | 'err') => (text: string) => {
    said[stream] += text;
    const url = /https:\/\/claude\.ai\/\S+/.exec(text)?.[0];
    if (url !== undefined) page.resolve(url);
  };
  const env = { DATA_DIR: root, CLAUDE_OAUTH_CLIENT_ID: CLIENT_ID, CLAUDE_OAUTH_TOKEN_URL: endpoint.url };
  return {
    code: runCommand(auth, args, { env, cwd: root, input, out: hear('out'), err: hear('err') }),
    out: () => said.out,
    err: () => said.err,
    page: page.promise,
    type: (text) => input.write(text),
    endInput: () => input.end(),
  };
}

const stateOf = (page: string): string => new URL(page).searchParams.get('state')!;

/** `auth login` to its end, the page's answer pasted. */
async function logIn(...args: string[]): Promise<Run & { exit: number }> {
  const login = run('login', ...args);
  const page = await login.page;
  login.type(`${endpoint.authorize(page)}#${stateOf(page)}\n`);
  return { ...login, exit: await login.code };
}

describe('login', () => {
  test('a new file, for this user only', async () => {
    const login = await logIn('New.Example');
    expect([login.exit, login.err()]).toEqual([0, '']);
    const path = join(dir, 'new.example.credentials.json');
    expect(jsonIn(path)).toEqual({
      type: 'oauth',
      oauth: {
        accessToken: expect.stringMatching(/^sk-ant-oat01-made-up/),
        refreshToken: expect.stringMatching(/^sk-ant-ort01-made-up/),
        expiresAt: expect.any(Number),
        scopes: ['user:inference', 'user:profile'],
        isMax: false,
      },
    });
    expect([statSync(path).mode & 0o777, statSync(dir).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readdirSync(dir)).toEqual(['new.example.credentials.json']);
    expect(login.out()).toContain(`Logged in: ${path}`);
    expect(login.out()).not.toContain('sk-ant');
    expect(endpoint.requests).toEqual([
      {
        grant_type: 'authorization_code',
        client_id: CLIENT_ID,
        code: expect.stringMatching(/^code-/),
        state: stateOf(await login.page),
        redirect_uri: 'https://platform.claude.com/oauth/code/callback',
        code_verifier: expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
  });

  test('into a file that is there: its other members stay', async () => {
    await logIn('a.example');
    const path = writeOauthFile(dir, 'sk-ant-ort01-old', 0, 'a.example');
    expect((await logIn('a.example')).exit).toBe(0);
    expect(jsonIn(path)).toMatchObject({ type: 'oauth', ...OTHER_MEMBERS, oauth: { isMax: true } });
    expect(tokensIn(path).refreshToken).not.toBe('sk-ant-ort01-old');
    writeFileSync(path, JSON.stringify({ type: 'api_key', api_key: 'sk-ant-made-up', ...OTHER_MEMBERS }));
    const login = await logIn('a.example');
    expect(login.out()).toContain('Its API key stays in the file and is not used any more.');
    expect(jsonIn(path)).toMatchObject({ type: 'oauth', api_key: 'sk-ant-made-up', ...OTHER_MEMBERS });
  });

  test('a file that cannot be read is left alone, before anybody logs in', async () => {
    await logIn('a.example');
    const path = join(dir, 'a.example.credentials.json');
    writeFileSync(path, '{ half');
    const login = run('login', 'a.example');
    expect(await login.code).toBe(1);
    expect(login.err()).toMatch(/^claude-nexus: .*a\.example\.credentials\.json: is not JSON/);
    expect(login.out()).toBe('');
  });

  test('what was pasted wrongly is asked for again; another log-in’s state is refused', async () => {
    const login = run('login', 'a.example');
    const page = await login.page;
    login.type('half-a-code\n\n');
    login.type(`${endpoint.authorize(page)}#${stateOf(page).slice(1)}x\n`);
    expect(await login.code).toBe(1);
    expect(login.out()).toContain('it has a # in the middle');
    expect(login.err()).toMatch(/^claude-nexus: the code belongs to another log-in/);
    expect(endpoint.requests).toEqual([]);
  });

  test('no code, a code that is refused, an endpoint that is away: nothing is written', async () => {
    const none = run('login', 'a.example');
    none.endInput();
    expect(await none.code).toBe(1);
    expect(none.err()).toBe('claude-nexus: no code was given; nothing was changed.\n');

    const wrong = run('login', 'a.example');
    wrong.type(`made-up#${stateOf(await wrong.page)}\n`);
    expect(await wrong.code).toBe(1);
    expect(wrong.err()).toMatch(/refused the code \(400 invalid_grant\)/);

    endpoint.misbehave({ status: 503 });
    const away = await logIn('a.example');
    expect([away.exit, away.err()]).toEqual([
      1,
      'claude-nexus: the token endpoint answered 503. Nothing was changed; try again.\n',
    ]);
    expect(readdirSync(root)).toEqual([]);
  });

  test('--json: what went wrong is JSON too', async () => {
    endpoint.misbehave({ status: 503 });
    const login = await logIn('a.example', '--json');
    expect(JSON.parse(login.out())).toMatchObject({ code: 'login_unreachable', detail: expect.any(String) });
    expect(login.err()).toContain('Open this page and log in');
    const refresh = run('refresh', 'a.example', '--json');
    expect(await refresh.code).toBe(1);
    expect(JSON.parse(refresh.out())).toMatchObject({ code: 'not_found' });
    const wrong = run('status', '--json', '--what');
    expect(await wrong.code).toBe(2);
    expect(JSON.parse(wrong.out())).toMatchObject({ code: 'invalid_option' });
  });

  test('--json: nothing but the result on stdout', async () => {
    const login = await logIn('a.example', '--json');
    expect(JSON.parse(login.out())).toEqual({
      domain: 'a.example',
      file: join(dir, 'a.example.credentials.json'),
      expiresAt: expect.stringMatching(/Z$/),
    });
  });

  test('--loopback: the browser hands the code over; other pages change nothing', async () => {
    const login = run('login', 'a.example', '--loopback');
    const page = await login.page;
    const redirect = new URL(page).searchParams.get('redirect_uri')!;
    expect(redirect).toMatch(/^http:\/\/localhost:\d+\/callback$/);
    const visit = async (path: string): Promise<number> =>
      (await fetch(new URL(path, redirect.replace('localhost', '127.0.0.1')))).status;
    expect(await visit('/favicon.ico')).toBe(404);
    expect(await visit('/callback?code=evil&state=evil')).toBe(400);
    expect(await visit(`/callback?code=${endpoint.authorize(page)}&state=${stateOf(page)}`)).toBe(200);
    expect(await login.code).toBe(0);
    expect(endpoint.requests).toMatchObject([{ redirect_uri: redirect }]);
  });

  test('--loopback: declined, or nobody comes', async () => {
    const login = run('login', 'a.example', '--loopback');
    const page = await login.page;
    const back = new URL(new URL(page).searchParams.get('redirect_uri')!.replace('localhost', '127.0.0.1'));
    back.search = `?error=access_denied&state=${stateOf(page)}`;
    await fetch(back);
    expect(await login.code).toBe(1);
    expect(login.err()).toBe('claude-nexus: the log-in was declined in the browser; nothing was changed.\n');
    const loopback = await openLoopback(0);
    await expect(loopback.codeFor(() => true)).rejects.toThrow('no browser has come back');
    await loopback.close();
  });
});

describe('refresh and status', () => {
  test('all, one by name, what is refused', async () => {
    await logIn('a.example');
    writeOauthFile(dir, 'sk-ant-ort01-unknown', Date.now() + HOUR, 'b.example');
    writeFileSync(
      join(dir, 'c.example.credentials.json'),
      JSON.stringify({ type: 'api_key', api_key: 'sk-ant-made-up', accountId: 'acc_c' }),
    );
    const all = run('refresh');
    expect(await all.code).toBe(1);
    expect(all.out()).toMatch(/^a\.example: refreshed, expires at .*Z\n$/);
    expect(all.err()).toMatch(/^b\.example: .*claude-nexus auth login b\.example\n$/);

    const one = run('refresh', 'a.example', '--json');
    expect(await one.code).toBe(0);
    expect(JSON.parse(one.out())).toMatchObject({ credentials: [{ domain: 'a.example', refreshed: true }] });

    const status = run('status', '--json');
    expect(await status.code).toBe(1);
    expect(JSON.parse(status.out())).toMatchObject({
      credentials: [
        { domain: 'a.example', type: 'oauth', state: 'usable', lastRefusal: null },
        {
          domain: 'b.example',
          accountId: 'acc_made_up',
          state: 'refused',
          lastRefusal: { answer: '400 invalid_grant' },
        },
        { domain: 'c.example', type: 'api_key', accountId: 'acc_c', expiresAt: null },
      ],
    });
    expect(all.out() + all.err() + one.out() + status.out()).not.toMatch(/sk-ant|cnp_live/);
    const lines = run('status');
    await lines.code;
    expect(lines.out()).toMatch(
      /^a\.example: oauth, expires in 7 h 59 min\nb\.example: .*\nc\.example: api_key/,
    );
  });

  test('nothing there', async () => {
    const status = run('status');
    expect([await status.code, status.out()]).toEqual([0, `There are no credential files in ${dir}.\n`]);
    const refresh = run('refresh', 'a.example');
    expect(await refresh.code).toBe(1);
    expect(refresh.err()).toMatch(
      /there is no .*a\.example\.credentials\.json\. Log in first: claude-nexus auth login/,
    );
  });
});

describe('the command line', () => {
  test.each([
    [[], 2, /^$/, /^Usage: claude-nexus auth/],
    [['--help'], 0, /^Usage: claude-nexus auth </, /^$/],
    [['login', '--help'], 0, /^Usage: claude-nexus auth login <domain>/, /^$/],
    [['refresh', '-h'], 0, /^Usage: claude-nexus auth refresh \[domain\]/, /^$/],
    [['status', '--help'], 0, /^Usage: claude-nexus auth status/, /^$/],
    [['logn'], 2, /^$/, /auth: there is no command "logn"\. Did you mean "login"\?/],
    [['login'], 2, /^$/, /which domain\?/],
    [['login', '../../etc/x'], 2, /^$/, /the domain "\.\.\/\.\.\/etc\/x" may have letters/],
    [['login', 'a.example', 'b.example'], 2, /^$/, /"b\.example" is one too many/],
    [['login', 'a.example', '--jsn'], 2, /^$/, /Unknown option '--jsn'; try --help/],
    [['refresh', '--loopback'], 2, /^$/, /Unknown option '--loopback'/],
    [['status', 'a.example'], 2, /^$/, /"a\.example" is one too many/],
    [['status', '--credentials-dir'], 2, /^$/, /--credentials-dir/],
  ])('%j', async (args, exit, out, err) => {
    const command = run(...args);
    expect(await command.code).toBe(exit);
    expect(command.out()).toMatch(out);
    expect(command.err()).toMatch(err);
  });

  test('settings: where, and a token URL that would send tokens in the clear', async () => {
    const elsewhere = run('status', '--credentials-dir', 'elsewhere');
    await elsewhere.code;
    expect(elsewhere.out()).toContain(join(root, 'elsewhere'));
    writeFileSync(join(root, '.env'), 'CREDENTIALS_DIR=from-env\n');
    const fromEnv = run('status');
    await fromEnv.code;
    expect(fromEnv.out()).toContain(join(root, 'from-env'));
    endpoint.url = 'http://evil.example/token';
    const clear = run('login', 'a.example');
    expect(await clear.code).toBe(2);
    expect(clear.err()).toMatch(/^claude-nexus: CLAUDE_OAUTH_TOKEN_URL: expected https/);
  });

  test('the program itself', async () => {
    const program = fileURLToPath(new URL('../../dist/sidecar.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'auth', 'status'], {
      env: { ...process.env, DATA_DIR: root },
      cwd: root,
    });
    expect(stdout).toBe(`There are no credential files in ${dir}.\n`);
  });
});
