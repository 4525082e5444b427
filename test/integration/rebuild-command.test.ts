import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebuildState, type RebuildState } from '../../src/protocol/rebuild.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { generatedTraffic } from '../support/generated-traffic.ts';
import { contextOf } from '../support/in-process.ts';
import { inOrder, linkState, stepsOf } from '../support/link-state.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { withStore } from '../support/store-checks.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const script = fileURLToPath(new URL('../../dist/sidecar.mjs', import.meta.url));
const server = usePostgres();

interface Said {
  code: number | null;
  out: string;
  err: string;
}

describe.each(engines)('rebuild-conversations on %s', (engine) => {
  let made: TestDatabase;
  let right: string[];
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    const database = await openDatabase(made.options);
    const context = contextOf(database);
    const steps = (await Promise.all(generatedTraffic(21, 60).map(stepsOf))).flat();
    for (const step of inOrder(steps)) await step.run(context);
    right = await linkState(database.db);
    await database.close();
    await tearOff();
  }, 60_000);
  afterAll(async () => {
    await made.remove();
  });

  /** Every request of a session is a conversation's beginning, as no linker would have it. */
  const tearOff = () =>
    look((db) =>
      sql`update request set parent_id = null, retry_of = null, link_signal = 'root'
        where parent_id is not null and session_id is not null`.execute(db),
    );
  const run = (...args: string[]) => {
    const child = spawn(
      process.execPath,
      [script, 'rebuild-conversations', `--data-dir=${made.dataDir}`, ...args],
      {
        cwd: tmpdir(),
        env: {
          PATH: process.env['PATH'] ?? '',
          ...(made.databaseUrl === null ? {} : { DATABASE_URL: made.databaseUrl }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said: Said = { code: null, out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    const begun = Promise.withResolvers<undefined>();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
      if (said.err.includes('Ctrl+C')) begun.resolve(undefined);
    });
    const ended = new Promise<Said>((resolve) => {
      child.once('close', (code) => {
        resolve({ ...said, code });
      });
    });
    return { ended, begun: begun.promise, interrupt: () => child.kill('SIGINT') };
  };
  const json = async (...args: string[]): Promise<RebuildState> => {
    const { code, out, err } = await run(...args, '--json').ended;
    expect([code, err]).toEqual([0, '']);
    return rebuildState.parse(JSON.parse(out));
  };
  const look = <T>(work: Parameters<typeof withStore<T>>[1]): Promise<T> => withStore(made, work);

  it('tries, changes, and then has nothing to change, where no sidecar runs', async () => {
    const before = await look(linkState);
    const tried = await json();
    expect(tried).toMatchObject({ state: 'done', apply: false, examined: 60 });
    expect(tried.changed).toBeGreaterThan(0);
    expect(await look(linkState)).toEqual(before);
    const done = await json('--apply');
    expect({ ...done, apply: false }).toEqual(tried);
    expect(await look(linkState)).toEqual(right);
    const { code, out, err } = await run('--apply').ended;
    expect([code, out]).toEqual([0, '']);
    expect(err).toMatch(
      /; Ctrl\+C cancels\.\n(?:.*\n)*60 requests looked at: there is nothing to change\.\n$/,
    );
    expect(await look(linkState)).toEqual(right);
  }, 60_000);

  it('says what is wrong with a command line', async () => {
    const both = await run('--domain=x', '--conversation-id=01a1fd55-81ba-7000-8000-000000000003').ended;
    expect([both.code, both.err]).toEqual([2, expect.stringContaining('either a conversation or a domain')]);
    const id = await run('--conversation-id=7').ended;
    expect([id.code, id.err]).toEqual([2, expect.stringContaining('--conversation-id: expected an id')]);
    const help = await run('--help').ended;
    expect([help.code, help.out]).toEqual([0, expect.stringContaining('--apply')]);
  });

  it.each([
    ['--conversation-id=01a1fd55-81ba-7000-8000-000000000003', 'There is no conversation 01a1fd55-'],
    ['--domain=elsewhere.example', 'There are no requests to elsewhere.example'],
  ])('says that nothing is there: %s', async (scope, sentence) => {
    for (const more of [[], ['--apply']]) {
      const { code, err } = await run(scope, ...more).ended;
      expect([code, err]).toEqual([1, expect.stringContaining(sentence)]);
      expect(err).toContain('Nothing was changed.');
    }
  });

  it('ends when it is told to, and goes on when it is run again', async () => {
    await tearOff();
    const cut = run('--apply');
    await cut.begun;
    cut.interrupt();
    const { code, err } = await cut.ended;
    expect([code, err]).toEqual([130, expect.stringMatching(/Cancelled: .*run it again to finish\.\n$/)]);
    expect((await json('--apply')).state).toBe('done');
    expect(await look(linkState)).toEqual(right);
  }, 60_000);

  describe('where a sidecar owns the data directory', () => {
    let sidecar: TestSidecar;
    beforeAll(async () => {
      await tearOff();
      const where = made.databaseUrl === null ? {} : { databaseUrl: made.databaseUrl };
      sidecar = await startSidecar({ dataDir: made.dataDir, ...where });
    });
    afterAll(async () => {
      await sidecar.stop();
    });
    const ask = async (method: string, body?: object): Promise<Response> =>
      sidecar.api('/api/rebuild', {
        method,
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });

    it('that one does it, and tells whoever looks', async () => {
      expect(await (await ask('GET')).json()).toMatchObject({ state: 'idle' });
      const { conversations } = (await (await sidecar.api('/api/conversations')).json()) as {
        conversations: { conversationId: string }[];
      };
      const one = await json(`--conversation-id=${conversations[0]!.conversationId}`);
      expect(one).toMatchObject({ state: 'done', conversationId: conversations[0]!.conversationId });
      const { code, out, err } = await run('--domain=localhost', '--apply').ended;
      expect([code, err]).toEqual([
        0,
        expect.stringMatching(/\nConversations: .*\n60 requests looked at, \d+ changed\n$/),
      ]);
      expect(out).toMatch(/^[0-9a-f-]{36} {2}.*parent none → [0-9a-f-]{36}/m);
      expect(await (await ask('GET')).json()).toMatchObject({
        state: 'done',
        apply: true,
        domain: 'localhost',
      });
    }, 60_000);

    it('one at a time, and it can be cancelled', async () => {
      const first = await ask('POST', {});
      expect(first.status).toBe(202);
      const second = await ask('POST', { apply: true });
      const cancelled = await ask('DELETE');
      expect([second.status, await second.json()]).toEqual([409, expect.objectContaining({ code: 'busy' })]);
      expect(cancelled.status).toBe(200);
      await until('cancelled', 20_000, async () => {
        const state = rebuildState.parse(await (await ask('GET')).json());
        return state.state === 'cancelled' ? true : undefined;
      });
      expect((await ask('POST', { conversationId: 'x' })).status).toBe(400);
      expect((await ask('POST', { domain: 'a', conversationId: right[0]!.slice(7, 43) })).status).toBe(400);
    }, 30_000);
  });

  it('leaves the trees as they should be', async () => {
    expect(await look(linkState)).toEqual(right);
    rmSync(`${made.dataDir}/owner.json`, { force: true });
  });
});
