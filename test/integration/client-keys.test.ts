import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CLIENT_KEYS_FILE, readClientKeys } from '../../src/sidecar/credentials/client-keys.ts';

const script = fileURLToPath(new URL('../support/key-maker.ts', import.meta.url));

/** What the process says next. */
async function said(child: ChildProcess): Promise<unknown> {
  const [message] = (await once(child, 'message')) as [unknown];
  return message;
}

test('two processes that make and revoke keys at the same moment lose none of each other’s changes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nexus-keys-'));
  const path = join(dir, CLIENT_KEYS_FILE);
  const names = ['left', 'right'];
  const makers = names.map((name) => fork(script, [path, name, '10']));
  await Promise.all(makers.map(said));
  for (const maker of makers) maker.send('go');
  expect(await Promise.all(makers.map(said))).toEqual(['done', 'done']);
  for (const maker of makers) maker.disconnect();
  const kept = readClientKeys(path)
    .map(({ name }) => name)
    .sort();
  expect(kept).toEqual(names.flatMap((name) => [0, 2, 4, 6, 8].map((index) => `${name}-${String(index)}`)));
  expect(readdirSync(dir)).toEqual([CLIENT_KEYS_FILE]);
  rmSync(dir, { recursive: true });
});
