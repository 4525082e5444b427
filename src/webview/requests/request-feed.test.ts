import { expect, it } from 'vitest';
import type { RequestPage, RequestRow } from '../../protocol/rows.ts';
import { appendRows, refreshRows, type LoadedRows } from './request-feed.ts';

/** `ba`: two rows, `b` the newer one; a capital letter is the same row, changed. */
const rows = (names: string): RequestRow[] =>
  Array.from(names, (name) => ({
    requestId: name.toLowerCase(),
    timestamp: `2026-11-23T10:00:0${(name.toLowerCase().codePointAt(0) ?? 0) - 97}.000Z`,
    preview: name,
  })) as unknown as RequestRow[];
const page = (names: string, nextCursor: string | null): RequestPage => ({
  requests: rows(names),
  pagination: { limit: 3, nextCursor },
});
const loaded = (names: string, cursor: string | null): LoadedRows => ({ rows: rows(names), cursor });

it.each<[string, string | null, string, string | null, string, string | null]>([
  // Loaded, its cursor; the page, its cursor; what is to be shown, the cursor.
  ['cba', null, 'dcb', 'x', 'dcba', null],
  ['dcb', 'y', 'edC', 'x', 'edCb', 'y'],
  ['cba', null, 'hgf', 'x', 'hgf', 'x'],
  ['cba', 'y', 'ca', null, 'ca', null],
  ['dcba', 'y', 'dba', 'x', 'dba', 'x'],
  ['', null, 'cba', 'x', 'cba', 'x'],
])('%s (%s) with %s (%s) is %s (%s)', (before, cursor, names, next, after, expected) => {
  const { rows: shown, cursor: then } = refreshRows(loaded(before, cursor), page(names, next));
  expect([shown.map(({ preview }) => preview).join(''), then]).toEqual([after, expected]);
});

it('goes on behind what is there', () => {
  const { rows: shown, cursor } = appendRows(loaded('dc', 'x'), page('cba', null));
  expect([shown.map(({ preview }) => preview).join(''), cursor]).toEqual(['dcba', null]);
});
