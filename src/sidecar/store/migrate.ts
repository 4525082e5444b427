import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { databaseNewer } from '../errors.ts';
import type { Engine, ScriptRunner } from './database.ts';

interface Migration {
  number: number;
  name: string;
}

/**
 * Applies the numbered `.sql` files the database does not have yet, in order, each in a transaction of its own, while
 * no other process can. Forward only.
 *
 * @throws NexusError `database_newer` when the database has a migration this program does not know.
 */
export async function migrate(engine: Pick<Engine, 'exclusively'>, migrationsDir: string): Promise<void> {
  const known = await listMigrations(migrationsDir);
  const newest = known.at(-1)?.number ?? 0;
  await engine.exclusively(async (run) => {
    const applied = await appliedMigrations(run);
    const found = Math.max(0, ...applied);
    if (found > newest) throw databaseNewer(found, newest);
    for (const migration of known) {
      if (applied.has(migration.number)) continue;
      await apply(run, migration, await readFile(join(migrationsDir, migration.name), 'utf8'));
    }
  });
}

async function listMigrations(dir: string): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name));
  return names.sort().map((name) => ({ number: Number(name.slice(0, 4)), name }));
}

async function appliedMigrations(run: ScriptRunner): Promise<Set<number>> {
  await run(`create table if not exists schema_migration (
    number integer primary key, name text not null, applied_at timestamptz not null default now())`);
  const rows = await run('select number from schema_migration');
  return new Set(rows.map((row) => Number(row['number'])));
}

async function apply(run: ScriptRunner, migration: Migration, script: string): Promise<void> {
  try {
    // The name is one of ours: digits, lower-case letters and underscores (see listMigrations).
    await run(`begin;\n${script}\n;insert into schema_migration (number, name)
      values (${String(migration.number)}, '${migration.name}');\ncommit;`);
  } catch (error) {
    await run('rollback');
    throw new Error(`Migration ${migration.name} failed`, { cause: error });
  }
}
