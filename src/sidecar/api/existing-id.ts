import { z } from 'zod';
import { notFound } from '../errors.ts';

/** An id of another form cannot be in the store; the database would only refuse to compare it. */
export function existingId(id: string, kind: string): string {
  if (z.guid().safeParse(id).success) return id.toLowerCase();
  throw notFound(`The ${kind} "${id.slice(0, 100)}"`);
}
