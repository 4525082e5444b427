import { fileURLToPath } from 'node:url';
import type { ServeConfig } from './config.ts';
import type { DataDirLayout } from './data-dir.ts';
import type { LiveLimits, RecorderOptions } from './recorder/thread.ts';

/** The recorder's program, beside this one. */
export const recorderUrl = new URL('./recorder.mjs', import.meta.url);

/** What the recorder's thread is started with, as the settings say. `live`: what live mode keeps, or null. */
export function recorderOptions(
  config: ServeConfig,
  layout: DataDirLayout,
  own: { salt: string | null; secrets: string[]; live: LiveLimits | null },
): RecorderOptions {
  return {
    dataDir: layout.root,
    journalDir: layout.journal,
    migrationsDir: fileURLToPath(new URL('./migrations', import.meta.url)),
    databaseUrl: own.live === null ? (config.databaseUrl ?? null) : null,
    salt: own.salt,
    redactBodies: config.redactBodies,
    ownSecrets: own.secrets,
    retention: { days: config.retentionDays, bytes: config.retentionMegabytes * 1e6 },
    statements: { slowMs: config.slowQueryMs, all: config.debugSql, stacks: config.debug },
    samplesDir: config.samplesDir,
    live: own.live,
  };
}
