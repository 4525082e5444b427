import { expect, test } from 'vitest';
import { encodeFrame, FrameKind } from '../core/frames.ts';
import { JournalReader } from './journal-reader.ts';
import { MemoryJournal } from './memory-journal.ts';

const frames = (count: number, size = 100): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => encodeFrame(FrameKind.chunk, i, Buffer.alloc(size, i))),
  );
const note = (id: string, from: number, bytes: Buffer, ended = false) => ({
  id,
  size: from + bytes.length,
  ended,
  added: { from, bytes: new Uint8Array(bytes) },
});

test('reads frames as they come, whatever the notes cut them into', () => {
  const all = frames(40);
  for (const step of [1, 7, 117, 118, 5000]) {
    const journal = new MemoryJournal(() => undefined);
    const reader = new JournalReader(() => journal.open('a'));
    let read = 0;
    for (let at = 0; at < all.length; at += step) {
      const piece = all.subarray(at, at + step);
      expect(journal.add(note('a', at, piece))).toBe(true);
      for (const frame of reader.read(at + piece.length)) expect(frame.at).toBe(read++);
    }
    expect([step, read, reader.damaged]).toEqual([step, 40, false]);
  }
});

test('counts what has come until it is let go of', () => {
  const released: number[] = [];
  const journal = new MemoryJournal((bytes) => released.push(bytes));
  const [one, two] = [frames(2), frames(3)];
  journal.add(note('a', 0, one));
  journal.add(note('b', 0, two));
  new JournalReader(() => journal.open('a')).read(one.length);
  expect(journal.bytes).toBe(one.length + two.length);
  journal.remove('a');
  journal.remove('a');
  expect([journal.bytes, released]).toEqual([two.length, [one.length]]);
  journal.setAside('b');
  expect([journal.bytes, released]).toEqual([0, [one.length, two.length]]);
});

test('refuses what does not begin at its beginning, and lets go of it', () => {
  const released: number[] = [];
  const journal = new MemoryJournal((bytes) => released.push(bytes));
  expect(journal.add(note('a', 50, frames(1)))).toBe(false);
  expect([journal.bytes, released]).toEqual([0, [frames(1).length]]);
  expect(() => journal.open('a')).toThrow('Nothing is known');
});
