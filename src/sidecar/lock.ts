import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { PROTOCOL_VERSION } from '../protocol/status.ts';
import { dataDirNotWritable, dataDirOwnedElsewhere } from './errors.ts';
import { liveness, ownIdentity, processIdentity } from './process-identity.ts';

const lockRecord = processIdentity.extend({
  /** Names this holding of the lock; the owner's ready file repeats it. */
  nonce: z.string(),
  /** 0 until the owner listens. */
  port: z.number().int(),
  protocolVersion: z.number().int(),
});
export type LockRecord = z.infer<typeof lockRecord>;

export interface HeldLock {
  nonce: string;
  /** Tells where the owner listens. */
  setPort(port: number): void;
  release(): void;
}

/** `held`: this process owns the data directory now. `owner`: a living process does. */
export type LockAttempt = { held: HeldLock } | { owner: LockRecord };

/**
 * One try for the data directory's lock. PGlite has no lock of its own, and two processes on one directory damage it
 * silently, so ownership ends only by release or by proof that the owner is dead.
 *
 * A dead owner's lock with nonce N is taken over by whoever creates `<lock>.after-N` exclusively and then renames its
 * own record over the lock; a taker that dies in between is itself taken over the same way.
 */
export function tryLock(path: string, dataDir: string): LockAttempt {
  const record: LockRecord = {
    ...ownIdentity(),
    nonce: randomUUID(),
    port: 0,
    protocolVersion: PROTOCOL_VERSION,
  };
  if (createExclusively(path, record, dataDir)) return { held: heldLock(path, record) };

  const claims: string[] = [];
  let last = readRecord(path, dataDir);
  if (last === null) return tryLock(path, dataDir);
  const first = last;
  for (;;) {
    const state = liveness(last);
    if (state === 'alive') return { owner: last };
    if (state === 'unknowable') {
      const who = `a process ${String(last.pid)} on ${last.host}`;
      throw dataDirOwnedElsewhere(dataDir, `${who} (if it is gone for good, delete ${path})`);
    }
    const claim = `${path}.after-${last.nonce}`;
    claims.push(claim);
    if (createExclusively(claim, record, dataDir)) break;
    const next = readRecord(claim, dataDir);
    // The taker has finished or given up since: look at the lock anew.
    if (next === null) return tryLock(path, dataDir);
    last = next;
  }
  // Someone who read the dead lock earlier may have completed a takeover and removed its claims meanwhile.
  if (readRecord(path, dataDir)?.nonce !== first.nonce) {
    rmSync(claims.at(-1)!, { force: true });
    return tryLock(path, dataDir);
  }
  replace(path, record);
  for (const claim of claims) rmSync(claim, { force: true });
  return { held: heldLock(path, record) };
}

function heldLock(path: string, record: LockRecord): HeldLock {
  return {
    nonce: record.nonce,
    setPort: (port) => {
      replace(path, { ...record, port });
    },
    release: () => {
      if (lockRecord.safeParse(quietJson(readText(path) ?? '')).data?.nonce !== record.nonce) return;
      rmSync(path, { force: true });
    },
  };
}

/** Creates the file with its whole content in one step (a hard link of a finished file), or says that it exists. */
function createExclusively(path: string, record: LockRecord, dataDir: string): boolean {
  const temporary = `${path}.${record.nonce}.tmp`;
  try {
    writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EISDIR') {
      throw dataDirNotWritable(dataDir, error);
    }
    return createWithoutLinks(path, record, dataDir);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** For file systems without hard links (exFAT, some network shares). */
function createWithoutLinks(path: string, record: LockRecord, dataDir: string): boolean {
  try {
    writeFileSync(path, JSON.stringify(record), { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw dataDirNotWritable(dataDir, error);
  }
}

function replace(path: string, record: LockRecord): void {
  const temporary = `${path}.${record.nonce}.tmp`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, path);
}

/** null: no such file (any more). A file that is no lock record cannot be judged, so it is refused. */
function readRecord(path: string, dataDir: string): LockRecord | null {
  let text: string | null;
  try {
    text = readText(path);
  } catch (cause) {
    throw dataDirNotWritable(dataDir, cause);
  }
  if (text === null) return null;
  const parsed = lockRecord.safeParse(quietJson(text));
  if (parsed.success) return parsed.data;
  throw dataDirOwnedElsewhere(
    dataDir,
    `someone who left a lock file that cannot be read (delete ${path} if no sidecar runs)`,
  );
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function quietJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
