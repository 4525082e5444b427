import { sha256 } from '../core/digest.ts';

/** Tool ids as they are stored: the first 32 bits of their SHA-256 (UTF-8), signed. They are only compared, in a session. */
export function toolNumbers(ids: string[]): number[] {
  return ids.map((id) => sha256(id).readInt32BE(0));
}

/** null when there are none: an empty list would take room in its row. */
export function toolNumbersOrNull(ids: string[]): number[] | null {
  return ids.length === 0 ? null : toolNumbers(ids);
}
