import { describe, expect, it } from 'vitest';
import {
  decodeFrames,
  FrameKind,
  type EndFrame,
  type JournalNote,
  type RequestHead,
} from '../core/frames.ts';
import type { JournalFiles } from './files.ts';
import { openJournal, type Journal, type JournalOptions } from './journal.ts';

const head = (id: string): RequestHead => ({
  id,
  tenant: 'local',
  project: null,
  domain: 'localhost',
  method: 'POST',
  path: '/v1/messages',
  httpVersion: '1.1',
  headers: [],
  credential: null,
  redactions: [],
});
const complete: EndFrame = { reason: 'complete', error: null, requestBodyNote: null };

/** A file system in memory. `room`: bytes that still fit; `step`: how long a write takes on the journal's clock. */
function memory(): {
  files: JournalFiles;
  disk: Map<string, Buffer>;
  state: { room: number; step: number; time: number; closed: number; writes: (() => void)[] };
} {
  const disk = new Map<string, Buffer>();
  const open: string[] = [];
  const state = { room: Infinity, step: 0, time: 0, closed: 0, writes: [] as (() => void)[] };
  const put = (fd: number, bytes: Buffer, offset: number, position: number): number => {
    const name = open[fd]!;
    const fits = bytes.subarray(offset, offset + Math.min(bytes.length - offset, state.room));
    if (fits.length === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    state.room -= fits.length;
    state.time += state.step;
    const next = Buffer.concat([disk.get(name)!.subarray(0, position), fits]);
    disk.set(name, next);
    return fits.length;
  };
  const files: JournalFiles = {
    makeDirectory: () => undefined,
    create(path) {
      disk.set(path, Buffer.alloc(0));
      return open.push(path) - 1;
    },
    write: put,
    writeLater: async (...parts) => {
      await new Promise<void>((resolve) => state.writes.push(resolve));
      return put(...parts);
    },
    truncate(fd, size) {
      disk.set(open[fd]!, disk.get(open[fd]!)!.subarray(0, size));
    },
    close: () => {
      state.closed++;
    },
    remove: (path) => void disk.delete(path),
    usage: () => Promise.resolve([...disk.values()].reduce((sum, bytes) => sum + bytes.length, 0)),
  };
  return { files, disk, state };
}

function setUp(options: Partial<JournalOptions> = {}): ReturnType<typeof memory> & {
  journal: Journal;
  notes: JournalNote[];
  kinds: (id: string) => number[];
} {
  const fake = memory();
  const notes: JournalNote[] = [];
  const quiet = (): void => undefined;
  const journal = openJournal({
    dir: '/j',
    onNotes: (more) => void notes.push(...more),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    files: fake.files,
    clock: () => fake.state.time,
    now: () => 1000,
    ...options,
  });
  const kinds = (id: string): number[] => {
    const bytes = [...fake.disk].find(([path]) => path.endsWith(`${id}.nxj`))?.[1] ?? Buffer.alloc(0);
    const { frames, used } = decodeFrames(bytes);
    expect(used).toBe(bytes.length);
    return frames.map((frame) => frame.kind);
  };
  return { ...fake, journal, notes, kinds };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
};

describe('the journal', () => {
  it('writes each frame before it returns, and closes the file at the end', () => {
    const { journal, kinds, notes, state, disk } = setUp();
    const file = journal.begin(head('a'));
    expect(kinds('a')).toEqual([FrameKind.requestHead]);
    file.body(Buffer.from('{}'));
    file.responseHead({ status: 200, statusText: 'OK', headers: [], ours: false });
    file.chunk(Buffer.from('x'));
    expect(kinds('a')).toEqual([1, 2, 3, 4]);
    expect(state.closed).toBe(0);
    file.end(complete);
    file.chunk(Buffer.from('after the end'));
    expect(kinds('a')).toEqual([1, 2, 3, 4, 5]);
    expect(state.closed).toBe(1);
    expect(file.unsettled()).toBeNull();
    journal.flush();
    expect(notes).toEqual([{ id: 'a', size: [...disk.values()][0]!.length, ended: true }]);
  });

  it('tells of many writes at once', () => {
    const { journal, notes } = setUp();
    const files = ['a', 'b'].map((id) => journal.begin(head(id)));
    for (let i = 0; i < 10; i++) for (const file of files) file.chunk(Buffer.from('x'));
    journal.flush();
    expect(notes.map(({ id, ended }) => [id, ended])).toEqual([
      ['a', false],
      ['b', false],
    ]);
    journal.flush();
    expect(notes).toHaveLength(2);
  });

  it('moves an exchange with a slow write to the queue, in order, and new ones for a while', async () => {
    const { journal, kinds, state } = setUp({ probeMs: 1000 });
    const file = journal.begin(head('a'));
    state.step = 51;
    file.body(Buffer.from('{}'));
    expect(kinds('a')).toEqual([1, 2]);
    file.chunk(Buffer.from('x'));
    file.end(complete);
    expect(kinds('a')).toEqual([1, 2]);
    const next = journal.begin(head('b'));
    expect(kinds('b')).toEqual([]);
    state.step = 0;
    const settled = file.unsettled();
    for (let i = 0; i < 10; i++) {
      for (const go of state.writes.splice(0)) go();
      await turns();
    }
    await settled;
    expect(file.unsettled()).toBeNull();
    expect(kinds('a')).toEqual([1, 2, 4, 5]);
    expect(kinds('b')).toEqual([1]);
    next.end(complete);
    state.time += 1001;
    journal.begin(head('c'));
    expect(kinds('c')).toEqual([1]);
    expect(journal.stats()).toMatchObject({ dropped: 0, late: 0, lastError: null });
  });

  it('gives an exchange up whose queue is full, and only that one', () => {
    const { journal, kinds, state } = setUp({ queueBytes: 100, probeMs: 10 });
    const file = journal.begin(head('a'));
    state.step = 51;
    file.body(Buffer.from('{}'));
    state.step = 0;
    file.chunk(Buffer.alloc(60));
    file.chunk(Buffer.alloc(60));
    file.end(complete);
    expect(journal.stats()).toMatchObject({
      dropped: 1,
      lastError: expect.stringContaining('queue') as string,
    });
    state.time += 11;
    journal.begin(head('b')).end(complete);
    expect(kinds('b')).toEqual([1, 5]);
  });

  it('leaves whole frames and an ended note when the disk fills up, and tries again later', () => {
    const { journal, kinds, notes, state, disk } = setUp();
    const file = journal.begin(head('a'));
    state.room = 20;
    file.chunk(Buffer.alloc(100));
    file.end(complete);
    expect(kinds('a')).toEqual([1]);
    journal.begin(head('b')).end(complete);
    expect(disk.size).toBe(1);
    expect(journal.stats()).toMatchObject({ dropped: 2, late: 0, lastError: 'ENOSPC', lastDrop: 'ENOSPC' });
    journal.flush();
    expect(notes).toEqual([{ id: 'a', size: [...disk.values()][0]!.length, ended: true }]);
    state.room = Infinity;
    state.time += 1001;
    journal.begin(head('c')).end(complete);
    expect(kinds('c')).toEqual([1, 5]);
    // The trouble is over, and what it cost is still told.
    expect(journal.stats()).toMatchObject({
      dropped: 2,
      lastError: null,
      lastErrorAt: null,
      lastDrop: 'ENOSPC',
    });
  });

  it('stops at its cap until the recorder has made room', async () => {
    const { journal, kinds, state, disk } = setUp({ capBytes: 5000, probeMs: 1000 });
    await turns();
    const file = journal.begin(head('a'));
    file.body(Buffer.alloc(4000));
    file.chunk(Buffer.alloc(4000));
    expect(kinds('a')).toEqual([1, 2]);
    expect(journal.stats()).toMatchObject({
      dropped: 1,
      lastError: expect.stringContaining('limit') as string,
    });
    disk.clear();
    state.time += 1001;
    journal.begin(head('b'));
    await turns();
    const after = journal.begin(head('c'));
    after.body(Buffer.alloc(3000));
    expect(kinds('c')).toEqual([1, 2]);
  });

  it('goes on without a file that cannot be made', () => {
    const { files } = memory();
    const broken: JournalFiles = {
      ...files,
      create: () => {
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      },
    };
    const { journal } = setUp({ files: broken });
    const file = journal.begin(head('a'));
    file.chunk(Buffer.from('x'));
    file.end(complete);
    expect(file.unsettled()).toBeNull();
    expect(journal.stats()).toMatchObject({ dropped: 1, late: 0, lastError: 'EACCES' });
  });
});
