import { isObject } from './json.ts';

/** Whether two parsed values are written alike: the order of members counts. Makes no text, so long equal ones are cheap. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length) return false;
  return names.every((name, index) => name === others[index] && sameJson(a[name], b[name]));
}
