import { basename } from 'node:path';
import type { JournalNote } from '../core/frames.ts';
import type { JournalFiles } from './files.ts';

interface Growing {
  id: string;
  /** Written and not handed over yet; references, since nobody changes bytes that are on their way to a client. */
  parts: Buffer[];
  /** Where the first of them begins. */
  from: number;
  size: number;
}

/** The journal of live mode: nothing touches the disk, the notes themselves bring the new bytes. */
export interface MemoryFiles extends JournalFiles {
  /** The notes with what has been written since the last ones, each in a buffer of its own that can be transferred. */
  handOver(notes: JournalNote[]): JournalNote[];
  /** The recorder has let go of so many bytes. */
  released(bytes: number): void;
}

/**
 * Stands in for the journal's files. `usage` is what the sidecar holds of exchanges that are not recorded yet, here
 * and in the recorder's thread, so that the journal's limit (`capBytes`) bounds it.
 */
export function createMemoryFiles(): MemoryFiles {
  const open = new Map<number, Growing>();
  const byId = new Map<string, Growing>();
  let next = 1;
  let held = 0;

  const write = (fd: number, bytes: Buffer, offset: number): number => {
    const file = open.get(fd);
    if (file === undefined) throw new Error('This journal is closed');
    const part = bytes.subarray(offset);
    file.parts.push(part);
    file.size += part.length;
    held += part.length;
    return part.length;
  };

  return {
    makeDirectory: () => undefined,
    create(path) {
      const fd = next++;
      const file: Growing = { id: basename(path, '.nxj'), parts: [], from: 0, size: 0 };
      open.set(fd, file);
      byId.set(file.id, file);
      return fd;
    },
    write,
    writeLater: (fd, bytes, offset) => Promise.resolve(write(fd, bytes, offset)),
    // A write takes all it is given: there is never a part of a frame to cut off.
    truncate: () => undefined,
    close(fd) {
      open.delete(fd);
    },
    // Only ever asked for one that is empty.
    remove(path) {
      byId.delete(basename(path, '.nxj'));
    },
    usage: () => Promise.resolve(held),
    handOver: (notes) =>
      notes.map((note) => {
        const file = byId.get(note.id);
        if (file === undefined) return note;
        const bytes = joined(file.parts);
        const from = file.from;
        file.parts = [];
        file.from = file.size;
        if (note.ended) byId.delete(note.id);
        return { ...note, added: { from, bytes } };
      }),
    released(bytes) {
      held -= bytes;
    },
  };
}

/** Never Node's shared pool, which must not be transferred. */
function joined(parts: Buffer[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
