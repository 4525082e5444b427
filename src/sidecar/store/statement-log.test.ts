import {
  CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
} from 'kysely';
import { describe, expect, test } from 'vitest';
import { StatementLog, type StatementLogOptions } from './statement-log.ts';

const OWN = 'own-made-up-token-123456';
const KEY = 'sk-ant-api03-MadeUpMadeUpMadeUp42';

/** A database that gives the same answer, or failure, to everything; and what was logged of it. */
function setUp(options: Partial<StatementLogOptions>, failure: Error | null = null) {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const log = new StatementLog(
    { slowMs: 0, all: true, stacks: false, ...options },
    [OWN],
    (level, message, fields) => {
      lines.push({ level, message, fields });
    },
  );
  class Driver extends DummyDriver {
    override async acquireConnection(): Promise<DatabaseConnection> {
      const connection = await super.acquireConnection();
      connection.executeQuery = () =>
        failure === null
          ? Promise.resolve({ rows: [{}, {}] as never[], numAffectedRows: 2n })
          : Promise.reject(failure);
      return connection;
    }
  }
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new Driver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
  const db = new Kysely<Record<string, never>>({ dialect: log.watch(dialect) });
  return {
    lines,
    log,
    run: (sql: string, ...values: unknown[]) => db.executeQuery(CompiledQuery.raw(sql, values)),
  };
}

describe('a statement', () => {
  test('is told with its parameters, time and rows', async () => {
    const { lines, run } = setUp({});
    await run(
      'select  *\n from "request" where id = $1',
      'an-id',
      7,
      null,
      Buffer.from('abc'),
      [1, 2, 3, 4, 5, 6],
    );
    expect(lines).toEqual([
      {
        level: 'debug',
        message: 'Statement',
        fields: {
          sql: 'select * from "request" where id = $1',
          parameters: ['an-id', 7, null, '[3 bytes]', [1, 2, 3, 4, 5, '… 6 in all']],
          ms: expect.any(Number) as number,
          rows: 2,
          affected: 2,
        },
      },
    ]);
  });

  test('is told without secrets, and not at length', async () => {
    const { lines, run } = setUp({});
    await run(
      `select '${KEY}'`,
      `Bearer ${'x1'.repeat(20)}`,
      { token: OWN },
      'y'.repeat(1000),
      ...Array<number>(60).fill(1),
    );
    const text = JSON.stringify(lines);
    expect(text).not.toContain('MadeUpMadeUp');
    expect(text).not.toContain('x1x1');
    expect(text).not.toContain(OWN);
    expect(text).toContain('sk-ant-****');
    expect(text).toContain('Bearer ****');
    expect(text.length).toBeLessThan(2000);
  });

  test('about settings is told without any value', async () => {
    const { lines, run } = setUp({});
    await run('insert into "setting" ("name", "value") values ($1, $2)', 'account-salt', 'made-up-salt');
    expect(lines[0]?.fields['parameters']).toEqual(['****', '****']);
  });

  test.each([false, true])('that fails is told with its details; with stacks: %s', async (stacks) => {
    const failure = Object.assign(new Error(`broken by ${KEY}`), {
      code: '23505',
      detail: `Key (${KEY}) exists.`,
    });
    const { lines, run } = setUp({ stacks }, failure);
    await expect(run('select 1')).rejects.toBe(failure);
    const [line] = lines;
    expect(line).toMatchObject({
      level: 'error',
      message: 'A statement failed',
      fields: {
        sql: 'select 1',
        code: '23505',
        detail: 'Key (sk-ant-****) exists.',
        error: 'broken by sk-ant-****',
      },
    });
    expect('stack' in (line?.fields ?? {})).toBe(stacks);
    expect(JSON.stringify(lines)).not.toContain('MadeUpMadeUp');
  });
});

describe('a slow statement', () => {
  test.each([
    [5000, 4999, 0],
    [5000, 5000, 1],
    [0, 99_999, 0],
  ])('threshold %i ms, took %i ms: %i lines', (slowMs, ms, expected) => {
    const { lines, log } = setUp({ slowMs, all: false });
    log.slow('select 1', ms);
    expect(lines).toHaveLength(expected);
    if (expected === 1) expect(lines[0]).toMatchObject({ level: 'warn', fields: { sql: 'select 1', ms } });
  });

  test('is all that is told without DEBUG_SQL', async () => {
    const { lines, run } = setUp({ all: false });
    await run('select 1');
    expect(lines).toEqual([]);
  });
});
