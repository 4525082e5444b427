import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { sidecarStatus, type RecorderStatus } from '../../src/protocol/status.ts';
import { decodeFrames, FrameKind } from '../../src/sidecar/core/frames.ts';
import { chunk, cleanups, open, streamHead } from '../support/forwarding.ts';
import { streamOf, text, turn, user } from '../support/messages.ts';
import { startRawUpstream } from '../support/raw-http.ts';
import {
  databaseOpen,
  newDataDir,
  preparedDataDir,
  startSidecar,
  type TestSidecar,
} from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const preload = new URL('../support/slow-journal.mjs', import.meta.url).href;
const EVENTS = streamOf({ content: [text('an answer that comes in pieces')] });
const [FIRST, LAST] = [EVENTS[0]!, EVENTS.slice(1).join('')];
const BODY = JSON.stringify(turn('slow', [user('hi')]));

/** A whole sidecar on a disk that hangs from now on, and an exchange in the middle of its answer. */
async function onASlowDisk() {
  const finish: (() => void)[] = [];
  const upstream = await startRawUpstream((_request, socket) => {
    socket.write(streamHead + chunk(FIRST));
    finish.push(() => socket.write(`${chunk(LAST)}0\r\n\r\n`));
    return null;
  });
  cleanups.push(() => upstream.close());
  const slow = join(newDataDir(), 'slow');
  const sidecar = await startSidecar({
    upstream: upstream.url,
    dataDir: await preparedDataDir(),
    env: { NODE_OPTIONS: `--import=${preload}`, NEXUS_TEST_SLOW_DISK: slow },
  });
  cleanups.push(() => sidecar.remove());
  await databaseOpen(sidecar);
  writeFileSync(slow, '');
  const response = await open(sidecar.baseUrl, '/v1/messages', BODY);
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return {
    sidecar,
    id: String(response.headers['x-nexus-request-id']),
    next: async () => String((await pieces.next()).value),
    ended: async () => {
      expect((await pieces.next()).done).toBe(true);
    },
    finish: () => {
      finish.shift()!();
    },
    disappear: () => {
      rmSync(slow);
    },
  };
}

const statusOf = async (sidecar: TestSidecar): Promise<RecorderStatus> =>
  sidecarStatus.parse(await (await sidecar.api('/api/status')).json()).recorder;

/** What the only journal file has by now. */
function kindsOnDisk(sidecar: TestSidecar): FrameKind[] {
  const dir = join(sidecar.dataDir, 'journal');
  const [name] = readdirSync(dir).filter((found) => found.endsWith('.nxj'));
  return decodeFrames(readFileSync(join(dir, name!))).frames.map((frame) => frame.kind);
}

/** The client has all of its answer, while the disk has the request and nothing else. */
async function answeredAhead() {
  const exchange = await onASlowDisk();
  const { sidecar } = exchange;
  // The first piece waits for nobody.
  expect(await exchange.next()).toBe(FIRST);
  expect(kindsOnDisk(sidecar)).toEqual([FrameKind.requestHead, FrameKind.requestBody]);
  expect(await statusOf(sidecar)).toMatchObject({ late: 0, dropped: 0 });
  exchange.finish();
  expect(await exchange.next()).toBe(LAST);
  await exchange.ended();
  expect(kindsOnDisk(sidecar)).toEqual([FrameKind.requestHead, FrameKind.requestBody]);
  // Not yet safe, and said so: counted once, named in the log.
  expect(await statusOf(sidecar)).toMatchObject({ late: 1, dropped: 0 });
  const log = readFileSync(join(sidecar.dataDir, 'logs/sidecar.log'), 'utf8');
  const lines = log.split('\n').filter((line) => line.includes('before the journal had all of it'));
  expect(lines.map((line) => line.includes(exchange.id))).toEqual([true]);
  return exchange;
}

const recorded = (sidecar: TestSidecar, id: string, state: string): Promise<Partial<RequestDetail>> =>
  until('the exchange as recorded', 60_000, async () => {
    const answer = await sidecar.api(`/api/requests/${id}?fields=state,requestBody,streamingChunks`);
    const detail = answer.ok ? ((await answer.json()) as Partial<RequestDetail>) : {};
    return detail.state === state ? detail : undefined;
  });
const bodyOf = (detail: Partial<RequestDetail>): string =>
  (detail.streamingChunks ?? []).map(({ data }) => data).join('');

test('a disk that hangs holds no byte but the last for long; when it works again all is recorded', async () => {
  const { sidecar, id, disappear } = await answeredAhead();
  await recorded(sidecar, id, 'running');
  disappear();
  expect(bodyOf(await recorded(sidecar, id, 'completed'))).toBe(FIRST + LAST);
  await until('no journal file', 60_000, () =>
    Promise.resolve(readdirSync(join(sidecar.dataDir, 'journal')).length === 0 || undefined),
  );
  expect(await statusOf(sidecar)).toMatchObject({ late: 1, dropped: 0, failed: 0, pending: 0 });
});

test('what was not yet safe when the sidecar was killed is shown as interrupted', async () => {
  const { sidecar, id } = await answeredAhead();
  await sidecar.kill();
  const next = await startSidecar({ dataDir: sidecar.dataDir });
  cleanups.push(() => next.remove());
  const detail = await recorded(next, id, 'interrupted');
  expect(detail.requestBody).toEqual(JSON.parse(BODY));
  expect(bodyOf(detail)).toBe('');
});
