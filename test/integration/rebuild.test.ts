import { randomOf } from '../durability/random.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { rehash } from '../../src/sidecar/recorder/rehash.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { beginRehash } from '../../src/sidecar/store/link-version.ts';
import type { Store, Tx } from '../../src/sidecar/store/tables.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { generatedTraffic } from '../support/generated-traffic.ts';
import { contextOf } from '../support/in-process.ts';
import {
  inOrder,
  linkState,
  rebuilt,
  relinkListed,
  scriptOf,
  stepsOf,
  type RecordStep,
} from '../support/link-state.ts';
import { pooledCaptures } from '../support/pooled.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type ScriptedExchange } from '../support/recording.ts';
import { until } from '../support/until.ts';
import { faults } from '../support/store-checks.ts';

const T0 = Date.UTC(2026, 10, 21, 9, 0, 0);
const server = usePostgres();

/** All captures, one after the other, each with an id of its time. */
const captures: ScriptedExchange[] = pooledCaptures().map((exchange, index) => {
  const at = T0 + index * 1000;
  return { ...scriptOf(exchange, at), id: uuidV7(at) };
});

/** Records these steps in this order into a new store. */
async function recorded(database: Database, steps: RecordStep[]): Promise<void> {
  const context = contextOf(database);
  for (const step of steps) await step.run(context);
}

const allSteps = async (scripts: ScriptedExchange[]): Promise<RecordStep[]> =>
  (await Promise.all(scripts.map(stepsOf))).flat();

describe.each(engines)('all captures, linked anew on %s', (engine) => {
  let made: TestDatabase;
  let database: Database;
  let live: string[];
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    database = await openDatabase(made.options);
    await recorded(database, inOrder(await allSteps(captures)));
    live = await linkState(database.db);
  }, 240_000);
  afterAll(async () => {
    await database.close();
    await made.remove();
  });

  it('a try finds nothing to change, and changes nothing', async () => {
    const state = await rebuilt(database, { apply: false });
    expect(state).toMatchObject({ state: 'done', examined: captures.length, changed: 0, changes: [] });
    expect(await linkState(database.db)).toEqual(live);
  }, 120_000);

  it('a rebuild gives the trees they had', async () => {
    const state = await rebuilt(database, { apply: true });
    expect(state).toMatchObject({ state: 'done', examined: captures.length, changed: 0 });
    expect(await linkState(database.db)).toEqual(live);
    expect(await faults(database.db)).toEqual([]);
  }, 120_000);
});

describe.each(engines)('captures that come in another order, on %s', (engine) => {
  let inTime: string[];
  const store = async (steps: (all: RecordStep[]) => RecordStep[]): Promise<string[]> => {
    const made = await createTestDatabase(engine, server());
    const database = await openDatabase(made.options);
    try {
      await recorded(database, steps(await allSteps(captures)));
      await relinkListed(database);
      const state = await linkState(database.db);
      expect(await faults(database.db)).toEqual([]);
      return state;
    } finally {
      await database.close();
      await made.remove();
    }
  };
  beforeAll(async () => {
    inTime = await store(inOrder);
  }, 240_000);

  it('what one of two sidecars has kept in its journal is linked when it comes', async () => {
    const random = randomOf(1);
    const late = new Set(captures.filter(() => random.chance(0.3)).map(({ id }) => id!));
    const found = await store((all) => {
      return lastOf(inOrder(all), late);
    });
    expect(found).toEqual(inTime);
  }, 240_000);

  it('any order gives the trees that the right one gives', async () => {
    const random = randomOf(2);
    const rank = new Map(captures.map(({ id }) => [id!, random.next()]));
    const found = await store((all) =>
      inOrder(all).toSorted((a, b) => rank.get(a.id)! - rank.get(b.id)! || a.at - b.at),
    );
    expect(found).toEqual(inTime);
  }, 240_000);
});

describe.each(engines)('traffic full of twins, on %s', (engine) => {
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

  /** What linking has made of these scripts, recorded in an order; each time in an empty store. */
  const linked = async (seed: number, order: (steps: RecordStep[]) => RecordStep[]): Promise<string[]> => {
    await emptyStore(database);
    await recorded(database, order(await allSteps(generatedTraffic(seed, 60))));
    await relinkListed(database);
    return linkState(database.db);
  };

  it.each([1, 2, 3])('a rebuild gives the trees they had (seed %i)', async (seed) => {
    const live = await linked(seed, inOrder);
    expect(await rebuilt(database, { apply: false })).toMatchObject({ state: 'done', changed: 0 });
    expect(await rebuilt(database, { apply: true })).toMatchObject({ state: 'done', changed: 0 });
    expect(await linkState(database.db)).toEqual(live);
  });

  it.each([4, 5])('any order gives the trees that the right one gives (seed %i)', async (seed) => {
    const live = await linked(seed, inOrder);
    const random = randomOf(seed);
    const rank = new Map(generatedTraffic(seed, 60).map(({ id }) => [id!, random.next()]));
    const found = await linked(seed, (steps) =>
      inOrder(steps).toSorted((a, b) => rank.get(a.id)! - rank.get(b.id)!),
    );
    expect(found).toEqual(live);
  });

  it.each([6, 7])(
    'what comes late changes no more than it has to (seed %i)',
    async (seed) => {
      const live = (await linked(seed, inOrder)).map(withoutLosers);
      const ids = generatedTraffic(seed, 60).map(({ id }) => id!);
      const random = randomOf(seed);
      for (let round = 0; round < 5; round++) {
        const late = new Set(Array.from({ length: random.whole(1, 2) }, () => ids[random.whole(0, 50)]!));
        const found = await linked(seed, (steps) => lastOf(inOrder(steps), late));
        expect(found.map(withoutLosers), [...late].join(', ')).toEqual(live);
      }
    },
    60_000,
  );

  it('mends links of any kind, whatever ends it on the way', async () => {
    const live = await linked(8, inOrder);
    await sql`update conversation set pinned = true, title = 'A title of its own'`.execute(database.db);
    const kept = await linkState(database.db);
    await spoil(database);
    expect(await linkState(database.db)).not.toEqual(kept);
    // A sidecar that dies in the middle of each of its first transactions, and one that is started after it.
    let cut = 0;
    const dying: Database = { ...database, db: dyingAfter(database.db, () => cut++ % 3 === 2) };
    for (let tries = 0; tries < 4; tries++) {
      await rebuilt(dying, { apply: true }).catch(() => undefined);
      expect(await faults(database.db)).toEqual([]);
    }
    expect(await rebuilt(database, { apply: true })).toMatchObject({ state: 'done' });
    expect(await linkState(database.db)).toEqual(kept);
    expect(await rebuilt(database, { apply: true })).toMatchObject({ changed: 0 });
    expect(live.length).toBe(kept.length);
  }, 60_000);

  it('leaves alone what was not asked for', async () => {
    await linked(9, inOrder);
    const before = await linkState(database.db);
    await sql`update request set parent_id = null, link_signal = 'root' where parent_id is not null`.execute(
      database.db,
    );
    const { rows } = await sql<{ id: string }>`
      select id from conversation order by request_count desc limit 1`.execute(database.db);
    const { id } = rows[0]!;
    const spoilt = await linkState(database.db);
    const state = await rebuilt(database, { conversationId: id, apply: true });
    expect(state.changed).toBeGreaterThan(2);
    const after = await linkState(database.db);
    const of = (lines: string[], own: boolean) =>
      lines.filter((line) => line.startsWith('exchange') && line.includes(id) === own).map(withoutLosers);
    expect(of(after, true)).toEqual(of(before, true));
    // Others stay as they were, but for what follows from this one.
    const known = new Set([...of(spoilt, false), ...of(before, false)]);
    expect(of(after, false).filter((line) => !known.has(line))).toEqual([]);
    expect(of(after, false)).not.toEqual(of(before, false));
    expect(await rebuilt(database, { domain: 'elsewhere.example', apply: true })).toMatchObject({
      examined: 0,
      changed: 0,
    });
    expect((await rebuilt(database, { domain: 'localhost', apply: true })).changed).toBeGreaterThan(2);
    expect(await linkState(database.db)).toEqual(before);
  }, 60_000);

  it('a try lists what a rebuild then does', async () => {
    await linked(10, inOrder);
    const right = await linkState(database.db);
    await spoil(database);
    const spoilt = await linkState(database.db);
    const tried = await rebuilt(database, { apply: false });
    expect(await linkState(database.db)).toEqual(spoilt);
    const done = await rebuilt(database, { apply: true });
    expect({ ...tried, apply: true }).toEqual(done);
    expect(done.changed).toBeGreaterThan(5);
    expect(await linkState(database.db)).toEqual(right);
  }, 60_000);

  it('goes on beside what is recorded and read meanwhile', async () => {
    const live = await linked(12, inOrder);
    await emptyStore(database);
    const scripts = generatedTraffic(12, 60);
    await recorded(database, inOrder(await allSteps(scripts.slice(0, 40))));
    await spoil(database);
    await database.close();
    const recording = startRecording(made);
    try {
      await recording.recorder.ready;
      await recording.command('rebuild', { apply: true });
      for (const script of scripts.slice(40)) {
        recording.write(script);
        await recording.read('listConversations', { limit: 50 });
      }
      await recording.recorder.drain();
      await until('the end', 30_000, async () => {
        const { housekeeping } = await recording.read('getStorage');
        return (housekeeping.task === null && housekeeping.waiting === 0) || undefined;
      });
      expect(await recording.command('rebuildState')).toMatchObject({ state: 'done', error: null });
      expect(recording.logs.filter((line) => /^(?:warn|error)/.test(line))).toEqual([]);
    } finally {
      await recording.close();
      database = await openDatabase(made.options);
    }
    expect((await linkState(database.db)).map(withoutLosers)).toEqual(live.map(withoutLosers));
    expect(await faults(database.db)).toEqual([]);
  }, 60_000);

  it('computes hashes of an older version anew, and links what came meanwhile', async () => {
    const live = await linked(11, inOrder);
    const scripts = generatedTraffic(11, 60);
    const newest = scripts.slice(40).map(({ id }) => id!);
    await emptyStore(database);
    const steps = inOrder(await allSteps(scripts));
    await recorded(
      database,
      steps.filter(({ id }) => !newest.includes(id)),
    );
    // As another normalisation would have hashed everything.
    await sql`update request set link_version = 0, request_link = sha256('old' || request_link)`.execute(
      database.db,
    );
    await sql`update answer set response_link = sha256('old' || response_link)`.execute(database.db);
    await sql`update invocation set prompt_hash = sha256('old' || prompt_hash)`.execute(database.db);
    await sql`update envelope set system_hash = sha256('old' || system_hash)`.execute(database.db);
    await sql`update setting set value = '0' where name = 'link_version'`.execute(database.db);
    await beginRehash(database.db);
    await sql`update setting set value = '2026-01-01' where name = 'link_version_since'`.execute(database.db);
    await recorded(
      database,
      steps.filter(({ id }) => newest.includes(id)),
    );
    expect(await linkState(database.db)).not.toEqual(live);
    expect(await rehash((slice) => slice(database), failOnLog)).toBe(40);
    await relinkListed(database);
    expect(await linkState(database.db)).toEqual(live);
    expect(await rehash((slice) => slice(database), failOnLog)).toBe(0);
    expect(await faults(database.db)).toEqual([]);
  }, 60_000);
});

/** The steps of these exchanges come after all others. */
function lastOf(steps: RecordStep[], late: ReadonlySet<string>): RecordStep[] {
  return [...steps.filter(({ id }) => !late.has(id)), ...steps.filter(({ id }) => late.has(id))];
}

/** Who lost is told as far as it was looked at: one that came later, and would have lost, is not among them. */
const withoutLosers = (line: string): string => line.replace(/, "candidates" : .*$/, '');

/** Links as a bad linker may have left them; every third exchange that hangs somewhere is torn off. */
async function spoil({ db }: Database): Promise<void> {
  await sql`
    with own as (
      insert into conversation (tenant, id, project, domain, title, started_at, last_at, latest_id, latest_started_at)
      select tenant, id, project, domain, 'Torn off', started_at, started_at, id, started_at from request
      where parent_id is not null and get_byte(uuid_send(id), 15) % 3 = 1
      returning id
    )
    update request set conversation_id = request.id, branch_id = 'main', parent_id = null, retry_of = null,
      is_subtask = false, parent_task_id = null, link_signal = 'tool-id', link_candidates = '[]'
    where id in (select id from own)`.execute(db);
  await sql`insert into branch (tenant, conversation_id, branch_id, kind, first_id, created_at)
    select tenant, id, 'main', 'main', id, started_at from request where conversation_id = id`.execute(db);
  await sql`update request set branch_id = 'branch_1', retry_of = null, summarises = not summarises
    where conversation_id is not null and get_byte(uuid_send(id), 15) % 3 = 2`.execute(db);
  await sql`update invocation set claimed_by = null where ordinal % 2 = 0`.execute(db);
  await sql`update invocation set ordinal = ordinal + 1000, branch_id = 'subtask_99' where ordinal > 1`.execute(
    db,
  );
  await sql`update conversation set total_tokens = 1, request_count = 0, error_count = 77, models = '{}',
    message_count = 0`.execute(db);
  await sql`delete from branch where kind <> 'main'`.execute(db);
}

async function emptyStore(database: Database): Promise<void> {
  await sql`truncate request, answer, conversation, branch, invocation, relink, running, usage, envelope, node, block,
    unused, deleted_exchange, unsearched, search_segment, search_piece`.execute(database.db);
  database.known.forget();
}

/** The same store, whose transactions are cut before they are committed where `cut` says so. */
function dyingAfter(db: Store, cut: () => boolean): Store {
  return new Proxy(db, {
    get(target, name) {
      if (name !== 'transaction') return Reflect.get(target, name, target) as unknown;
      return () => ({
        execute: <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
          target.transaction().execute(async (tx) => {
            const result = await work(tx);
            if (cut()) throw new Error('The program died');
            return result;
          }),
      });
    },
  });
}

const failOnLog = (_: string, message: string): void => {
  throw new Error(message);
};
