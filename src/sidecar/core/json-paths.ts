import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, skipString } from './scan.ts';

interface Level {
  /** null: an object. */
  index: number | null;
  key: string;
  /** The next string is a member's name. */
  expectsKey: boolean;
}

const LONGEST_KEY = 60;
const MOST_LEVELS = 40;

/**
 * Where in JSON text each of `offsets` (ascending) stands, like `.messages[2].content[0].text`; empty for those in no
 * string of it. Reads names as they are written. One pass, and only as far as the last offset; never throws.
 */
export function jsonPathsAt(bytes: Buffer, offsets: readonly number[]): string[] {
  const paths = offsets.map(() => '');
  const levels: Level[] = [];
  let next = 0;
  for (let at = 0; at < bytes.length && next < offsets.length; at++) {
    const byte = bytes[at]!;
    const level = levels.at(-1);
    if (byte === QUOTE) {
      const end = skipString(bytes, at);
      if (end < 0) break;
      if (level !== undefined && level.index === null && level.expectsKey) {
        level.key = bytes.toString('utf8', at + 1, Math.min(end - 1, at + 1 + LONGEST_KEY));
        level.expectsKey = false;
      }
      for (; next < offsets.length && offsets[next]! < end; next++) paths[next] = pathOf(levels);
      at = end - 1;
    } else if (byte === OPEN_OBJECT) levels.push({ index: null, key: '', expectsKey: true });
    else if (byte === OPEN_ARRAY) levels.push({ index: 0, key: '', expectsKey: false });
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) levels.pop();
    else if (byte === COMMA && level !== undefined) {
      if (level.index === null) level.expectsKey = true;
      else level.index++;
    }
  }
  return paths;
}

function pathOf(levels: readonly Level[]): string {
  const parts = levels.slice(0, MOST_LEVELS).map(({ index, key }) => {
    if (index !== null) return `[${String(index)}]`;
    return /^[A-Za-z_$*][\w$*-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return parts.join('');
}
