import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchangeState, linkSignal, requestType } from '../../src/protocol/rows.ts';
import { accountId, resolveAccount } from '../../src/sidecar/store/accounts.ts';
import { prepareBody } from '../../src/sidecar/core/prepare.ts';
import {
  readHeaders,
  readRequestBody,
  requestContent,
  type BodyParts,
  type HeaderPairs,
} from '../../src/sidecar/store/contents.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { insertContent, packContent } from '../../src/sidecar/store/new-content.ts';
import { loadSalt } from '../../src/sidecar/store/settings.ts';
import { timestamp } from '../../src/sidecar/store/values.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { assistant, text, toolResult, toolUse, turn, user } from '../support/messages.ts';
import { json } from '../support/recording.ts';

const server = usePostgres();

async function insertWhole(
  database: Database,
  tenant: string,
  headers: HeaderPairs,
  body: Buffer | null,
): Promise<Stored> {
  const wrapping = { ...WRAPPING, headers, bodySize: body?.length ?? 0 };
  const { row, content } = requestContent(wrapping, prepareBody(body));
  const packed = await packContent(database, tenant, content);
  if (packed === null) throw new Error('A whole chain has no base that could be missing');
  await database.db.transaction().execute((tx) => insertContent(tx, packed));
  const { envelope, overlay = null, messages_tip = null, raw = null, request_length = null } = row;
  const { request_headers, template, system_tip, tools_tip } = await database.db
    .selectFrom('envelope')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('key', '=', envelope)
    .executeTakeFirstOrThrow();
  const request_size = wrapping.bodySize;
  return {
    ...{ tenant, envelope, request_headers, request_length, request_size },
    ...{ template, overlay, messages_tip, system_tip, tools_tip, raw },
  };
}

/** As the view `exchange` shows it. */
type Stored = BodyParts & Parameters<typeof readHeaders>[1] & { envelope: Buffer };

const WRAPPING = {
  method: 'POST',
  path: '/v1/messages',
  httpVersion: '1.1',
  redactions: [],
  systemHash: null,
};

describe.each(engines)('the store on %s', (engine) => {
  let made: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    database = await openDatabase(made.options);
  });
  afterAll(async () => {
    await database.close();
    await made.remove();
  });

  const store = (tenant: string, body: Buffer, headers: [string, string][] = []) =>
    insertWhole(database, tenant, headers, body);
  const count = async (table: 'block' | 'node', tenant: string): Promise<number> => {
    const { rows } = await sql<{
      n: number;
    }>`select count(*) as n from ${sql.table(table)} where tenant = ${tenant}`.execute(database.db);
    return rows[0]!.n;
  };

  it.each<[string, Buffer]>([
    ['a turn', json(turn('s', [user('hi'), assistant([text('yes')]), user([toolResult('t', 'x')])]))],
    [
      'cache marks and string content',
      json({
        messages: [user([{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }]), user('b')],
        system: 's',
      }),
    ],
    ['odd numbers and spacing', Buffer.from('{ "max_tokens":1.0, "x" : 1e5,"messages":[ ]  }\n')],
    ['duplicate keys', Buffer.from('{"messages":[],"messages":[{"role":"user","content":"x"}]}')],
    ['a lone surrogate', Buffer.from('{"messages":[{"role":"user","content":"\\ud800 x"}]}')],
    ['what is no JSON', Buffer.from([0xff, 0xfe, 0x00, 0x7b])],
    ['nothing', Buffer.alloc(0)],
    [
      'a large body',
      json(
        turn(
          's',
          Array.from({ length: 700 }, (_, n) => user(`message ${String(n)} ${'x'.repeat(n)}`)),
        ),
      ),
    ],
    ['bytes that cannot be compressed', json({ messages: [user(randomBytes(3000).toString('base64'))] })],
  ])('gives back %s byte for byte', async (name, body) => {
    const content = await store(`bytes ${name}`, body);
    expect(await readRequestBody(database.db, `bytes ${name}`, content)).toEqual(body);
  });

  it('gives back headers in order, with duplicates', async () => {
    const headers: [string, string][] = [
      ['X-A', '1'],
      ['x-a', '2'],
      ['Content-Length', '77'],
      ['Empty', ''],
    ];
    const content = await store('headers', Buffer.alloc(0), headers);
    expect(await readHeaders(database.db, content)).toEqual(headers);
    expect(content.request_length).toBe('77');
    const longer = await store(
      'headers',
      Buffer.alloc(0),
      headers.map(([name, value]) => [name, value === '77' ? '99' : value]),
    );
    expect(longer.envelope).toEqual(content.envelope);
    expect(longer.request_length).toBe('99');
    // The body's own length, as it nearly always is, takes no room.
    const right = await store('headers', Buffer.alloc(7), [['content-length', '7']]);
    expect(right.request_length).toBeNull();
    expect(await readHeaders(database.db, right)).toEqual([['content-length', '7']]);
  });

  it('stores a conversation in proportion to what is new', async () => {
    const history: unknown[] = [];
    const sizes: number[] = [];
    for (let n = 0; n < 12; n++) {
      history.push(
        user(`question ${String(n)}`),
        assistant([text(`answer ${String(n)}`), toolUse(`t${String(n)}`, 'Bash', { n })]),
      );
      await store('growth', json(turn('s', history)));
      sizes.push(await count('node', 'growth'));
    }
    // One system and one tool node at first, then one for each of the two messages of a turn.
    expect(sizes).toEqual(sizes.map((_, n) => 4 + n * 2));
    const before = await count('block', 'growth');
    await store('growth', json(turn('s', history)));
    expect(await count('block', 'growth')).toBe(before);
  });

  it('keeps tenants apart', async () => {
    const body = json(turn('s', [user('shared words')]));
    await store('tenant-a', body);
    await store('tenant-b', body);
    expect(await count('block', 'tenant-b')).toBe(await count('block', 'tenant-a'));
    const other = await store('tenant-a', json(turn('s', [user('only in a')])));
    await expect(readRequestBody(database.db, 'tenant-b', other)).rejects.toThrow('not in the store');
  });

  it('lets two writers store the same content at once', async () => {
    const bodies = Array.from({ length: 6 }, (_, n) =>
      json(turn('s', [user('same'), assistant([text('same')]), user(String(n % 2))])),
    );
    const contents = await Promise.all(bodies.map((body) => insertWhole(database, 'race', [], body)));
    for (const [index, content] of contents.entries()) {
      expect(await readRequestBody(database.db, 'race', content)).toEqual(bodies[index]);
    }
  });

  it.each([
    ['exchange_type', requestType.options],
    ['exchange_state', exchangeState.options],
    ['link_signal', linkSignal.options],
  ] as const)('knows what the API calls %s', async (name, options) => {
    const { rows } = await sql<{ label: string }>`
      select unnest(enum_range(null::${sql.ref(name)}))::text as label`.execute(database.db);
    expect(rows.map((row) => row.label)).toEqual(options);
  });

  it('reads values the same way on both engines', async () => {
    const at = Date.UTC(2026, 0, 2, 3, 4, 5) + 6.789;
    const { rows } = await sql<Record<string, unknown>>`
      select ${timestamp(at)}::timestamptz as time, 9007199254740991::int8 as big, 12.5::numeric as exact,
        '\\x00ff'::bytea as bytes, null::bytea as nothing, ${Buffer.from([1, 2])}::bytea as given,
        array['a', null]::text[] as list, '{"a":[1]}'::json as json,
        ${Buffer.from([7])}::bytea = any(${[Buffer.from([7]), Buffer.from([8])]}::bytea[]) as among`.execute(
      database.db,
    );
    expect(rows[0]).toEqual({
      time: at,
      big: Number.MAX_SAFE_INTEGER,
      exact: 12.5,
      bytes: Buffer.from([0, 255]),
      nothing: null,
      given: Buffer.from([1, 2]),
      list: ['a', null],
      json: { a: [1] },
      among: true,
    });
  });

  it('names accounts as a credential file does, and learns nothing from that; else by their uuid, then their API key, then what the token last was', async () => {
    const salt = await loadSalt(database.db);
    expect(await loadSalt(database.db)).toBe(salt);
    const ask = (
      accountUuid: string | null,
      kind: 'api-key' | 'bearer' | null,
      fingerprint = 'f1',
      given: string | null = null,
    ) =>
      resolveAccount(database.db, salt, {
        given,
        tenant: 't',
        accountUuid,
        credential: kind === null ? null : { kind, fingerprint },
        at: 0,
      });
    expect(await ask(null, 'bearer')).toBeNull();
    expect(await ask('uuid-1', 'bearer', 'f1', 'team')).toBe('team');
    expect(await ask(null, 'bearer')).toBeNull();
    const named = await ask('uuid-1', 'bearer');
    expect(named).toMatch(/^acc_[0-9a-f]{12}$/);
    expect(await ask(null, 'bearer')).toBe(named);
    expect(await ask('uuid-1', 'bearer', 'rotated')).toBe(named);
    expect(await ask(null, 'bearer', 'rotated')).toBe(named);
    expect(await ask(null, 'api-key', 'f1')).toBe(accountId(salt, 'f1'));
    expect(await ask(null, null)).toBeNull();
    expect(await ask(null, null, 'f1', 'team')).toBe('team');
  });

  it('opens again with what was written, and migrates once', async () => {
    const other = await createTestDatabase(engine, server());
    const first = await openDatabase(other.options);
    await insertWhole(first, 'again', [], json({ messages: [user('kept')] }));
    const ledger = sql<{ number: number }>`select number from schema_migration`;
    const applied = (await ledger.execute(first.db)).rows;
    await first.close();
    const second = await openDatabase(other.options);
    expect((await ledger.execute(second.db)).rows).toEqual(applied);
    expect(await second.db.selectFrom('node').select('depth').execute()).toEqual([{ depth: 1 }]);
    expect(second.version).toMatch(/^\d+\.\d+/);
    await second.close();
    await other.remove();
  });
});
