import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterEach, describe, expect, test } from 'vitest';
import { unpack } from '../../src/sidecar/store/blocks.ts';
import { readChain } from '../../src/sidecar/store/nodes.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { engines, migrationsDir } from '../support/databases.ts';
import { usePostgres, newDatabase } from '../support/postgres-suite.ts';
import { scriptedUpstream, sendSecrets } from '../support/secret-traffic.ts';
import { startSidecar, type TestSidecar, allRecorded } from '../support/sidecar.ts';

const postgres = usePostgres();
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Everything the API says of all exchanges and conversations. */
async function apiAnswers(sidecar: TestSidecar): Promise<string> {
  const get = async (path: string): Promise<string> => (await sidecar.api(path)).text();
  const texts = await Promise.all(['/api/status', '/api/stats', '/api/storage'].map(get));
  const requests = await get('/api/requests?limit=100');
  const conversations = await get('/api/conversations?limit=100');
  texts.push(requests, conversations);
  for (const [, id] of requests.matchAll(/"requestId":"([^"]+)"/g)) {
    texts.push(await get(`/api/requests/${id!}`), await get(`/api/requests/${id!}/link`));
  }
  for (const [, id] of conversations.matchAll(/"conversationId":"([^"]+)"/g)) {
    texts.push(await get(`/api/conversations/${id!}`));
  }
  return texts.join('\n');
}

/** The bytes of every file, but for those the own keys live in by design. */
function filesOf(dir: string): Buffer[] {
  const found: Buffer[] = [];
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const path = join(dir, name);
    if (name !== 'state.json' && name !== 'owner.json' && statSync(path).isFile()) {
      found.push(readFileSync(path));
    }
  }
  return found;
}

/** Every value of every table, as it is and decompressed. */
async function valuesOf(dataDir: string, databaseUrl: string | null): Promise<Buffer[]> {
  const database = await openDatabase({ dataDir, databaseUrl, migrationsDir, creator: null });
  const found: Buffer[] = [];
  try {
    const { db } = database;
    const tables = await sql<{ name: string }>`
      select table_name as name from information_schema.tables
      where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db);
    for (const { name } of tables.rows) {
      const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(db);
      if (name === 'block') {
        found.push(...rows.map((row) => unpack(row['codec'] as number, row['bytes'] as Buffer)));
      }
      if (name === 'node') {
        for (const row of rows) {
          const items = await readChain(db, row['tenant'] as string, row['key'] as Buffer);
          found.push(...items.flatMap(({ shell, block }) => (shell === null ? [block] : [shell, block])));
        }
      }
      for (const value of rows.flatMap((row) => Object.values(row))) {
        if (Buffer.isBuffer(value)) found.push(value, ...decompressed(value));
        else found.push(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value ?? null)));
      }
    }
  } finally {
    await database.close();
  }
  return found;
}

/** zstd's content wherever one of its frames begins: what is packed has a head of its own. */
function decompressed(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  for (let at = bytes.indexOf(magic); at !== -1; at = bytes.indexOf(magic, at + 1)) {
    try {
      found.push(zstdDecompressSync(bytes.subarray(at)));
    } catch {
      // Four bytes that happen to look like a frame.
    }
  }
  return found;
}

describe.each(engines)('%s', (engine) => {
  test.each(['all', 'own'] as const)('REDACT_BODIES=%s: no planted secret is anywhere', async (mode) => {
    const up = await scriptedUpstream();
    cleanups.push(() => up.close());
    const databaseUrl = await newDatabase(postgres(), engine);
    const sidecar = await startSidecar({
      upstream: up.url,
      pathKey: true,
      env: { REDACT_BODIES: mode, LOG_LEVEL: 'debug' },
      ...(databaseUrl === null ? {} : { databaseUrl }),
    });
    cleanups.push(() => sidecar.remove());
    const { planted, own, markers, count } = await sendSecrets(sidecar, up);
    expect(planted.length + own.length).toBeGreaterThanOrEqual(40);
    await allRecorded(sidecar, count);
    const answers = Buffer.from(await apiAnswers(sidecar));
    expect(await sidecar.stop()).toBe(0);
    const places: Record<string, Buffer[]> = {
      api: [answers],
      files: filesOf(sidecar.dataDir),
      database: await valuesOf(sidecar.dataDir, databaseUrl),
    };
    const found = (needle: string): string[] =>
      Object.keys(places).filter((place) => places[place]!.some((bytes) => bytes.includes(needle)));
    // The search finds what is there: in compressed blocks, in text columns, in what the API says.
    for (const marker of markers) {
      expect([marker, found(marker)]).toEqual([marker, expect.arrayContaining(['api', 'database'])]);
    }
    const log = readFileSync(join(sidecar.dataDir, 'logs/sidecar.log'), 'utf8');
    expect(log).toContain('Refused at the door');
    // Bodies keep what is not the product's own with `own`: that these are found shows that they were planted.
    const inBody = ['spoken', 'JWT', 'gzip'];
    for (const { name, needle } of [...own, ...planted]) {
      const places = found(needle);
      if (mode === 'own' && inBody.includes(name)) {
        expect([name, places]).toEqual([name, expect.arrayContaining(['api'])]);
      } else if (mode === 'all' || own.some((secret) => secret.name === name) || OUTSIDE_BODIES.test(name)) {
        expect([name, places]).toEqual([name, []]);
      }
    }
  });
});

/** Masked whatever the setting says. */
const OUTSIDE_BODIES =
  /header|cookie|authorization|api[-_]key|query|path|status text|user-agent|token re|URL of|origin/;
