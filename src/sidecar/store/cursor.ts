import { badRequest } from '../errors.ts';

/** Where a list page ended: its last row's time (ms) and id. */
export interface Position {
  at: number;
  id: string;
}

/** Opaque to clients: base64url of what it says. */
export function encodeCursor({ at, id }: Position): string {
  return Buffer.from(`${String(at)} ${id}`).toString('base64url');
}

const CURSOR = /^(\d+(?:\.\d+)?) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @throws NexusError `bad_request` for anything `encodeCursor` did not make. */
export function decodeCursor(cursor: string): Position {
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) {
    throw badRequest('The cursor is not one of this list. Start again without it.', [
      { path: 'cursor', message: 'not a cursor of this list' },
    ]);
  }
  return { at: Number(match[1]), id: match[2]! };
}
