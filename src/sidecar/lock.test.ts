import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NexusError } from './errors.ts';
import { tryLock, type LockRecord } from './lock.ts';
import { liveness, ownIdentity, type ProcessIdentity } from './process-identity.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-lock-'));
  path = join(dir, 'sidecar.lock');
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** A process that has ended, as it named itself while it lived. */
async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return { ...ownIdentity(), pid: child.pid!, startedAt: 1 };
}

function record(identity: ProcessIdentity, nonce: string): LockRecord {
  return { ...identity, nonce, port: 4000, protocolVersion: 1 };
}

const write = (file: string, value: unknown): void => {
  writeFileSync(file, JSON.stringify(value));
};
const read = (): LockRecord => JSON.parse(readFileSync(path, 'utf8')) as LockRecord;
const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'nothing thrown';
  } catch (error) {
    return error instanceof NexusError ? error.code : String(error);
  }
};

test('held, told where it listens, released', () => {
  const attempt = tryLock(path, dir);
  if (!('held' in attempt)) throw new Error('not held');
  attempt.held.setPort(1234);
  expect(read()).toMatchObject({ pid: process.pid, port: 1234, nonce: attempt.held.nonce });
  attempt.held.release();
  expect(readdirSync(dir)).toEqual([]);
});

test('a living owner keeps it', () => {
  tryLock(path, dir);
  expect(tryLock(path, dir)).toMatchObject({ owner: { pid: process.pid } });
});

test('a dead owner loses it, and nothing is left over', async () => {
  write(path, record(await deadProcess(), 'dead'));
  const attempt = tryLock(path, dir);
  expect(attempt).toHaveProperty('held');
  expect(read().pid).toBe(process.pid);
  expect(readdirSync(dir)).toEqual(['sidecar.lock']);
});

test('one who died while taking over is taken over itself', async () => {
  write(path, record(await deadProcess(), 'first'));
  write(`${path}.after-first`, record(await deadProcess(), 'second'));
  expect(tryLock(path, dir)).toHaveProperty('held');
  expect(readdirSync(dir)).toEqual(['sidecar.lock']);
});

test('one who is taking over right now is the owner', async () => {
  write(path, record(await deadProcess(), 'first'));
  write(`${path}.after-first`, record(ownIdentity(), 'second'));
  expect(tryLock(path, dir)).toMatchObject({ owner: { nonce: 'second' } });
  expect(read().nonce).toBe('first');
});

test('a lock of another machine, or one nobody can read, is refused', () => {
  write(path, record({ ...ownIdentity(), host: 'elsewhere', bootId: 'other-boot' }, 'far'));
  expect(codeOf(() => tryLock(path, dir))).toBe('data_dir_owned_elsewhere');
  writeFileSync(path, 'not ours');
  expect(codeOf(() => tryLock(path, dir))).toBe('data_dir_owned_elsewhere');
});

test('releasing leaves a lock alone that is not ours any more', () => {
  const attempt = tryLock(path, dir);
  if (!('held' in attempt)) throw new Error('not held');
  write(path, record(ownIdentity(), 'another'));
  attempt.held.release();
  expect(read().nonce).toBe('another');
});

test('proof of death', async () => {
  const own = ownIdentity();
  const dead = await deadProcess();
  const check = (other: Partial<ProcessIdentity>, expected: string): void => {
    expect(liveness({ ...own, ...other }, own)).toBe(expected);
  };
  check({}, 'alive');
  check({ pid: dead.pid }, 'dead');
  // The pid lives, but it is another process's by now.
  check({ startedAt: own.startedAt - 60_000 }, 'dead');
  check({ bootId: 'before-the-restart' }, own.bootId === null ? 'alive' : 'dead');
  check({ host: 'elsewhere', bootId: 'other' }, 'unknowable');
  check({ machine: 'another-machine', bootId: 'other' }, own.machine === null ? 'dead' : 'unknowable');
  check({ pidNamespace: 'pid:[1]' }, 'unknowable');
});
