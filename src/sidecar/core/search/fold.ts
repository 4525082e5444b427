/**
 * Text as search compares it: compatibility forms are taken apart (NFKD), accents are dropped and capitals are small, so
 * that `résumé`, `Resume` and `ＲＥＳＵＭＥ` are the same word.
 */
export interface Folded {
  text: string;
  /** The same with its capitals, which tell where the parts of `uploadFile` begin; unit by unit beside `text`. */
  cased: string;
  /** Where in the original each UTF-16 unit of `text` comes from, and behind the last one its length; null: the same. */
  origin: Uint32Array | null;
}

export function fold(original: string): Folded {
  if (!NOT_ASCII.test(original)) return { text: original.toLowerCase(), cased: original, origin: null };
  const parts: string[] = [];
  const cased: string[] = [];
  const origin: number[] = [];
  const add = (bare: string, small: string, at: number, step: 0 | 1): void => {
    parts.push(small);
    cased.push(bare.length === small.length ? bare : small);
    for (let unit = 0; unit < small.length; unit++) origin.push(at + step * unit);
  };
  let at = 0;
  for (const { 0: character, index } of original.matchAll(EACH_NOT_ASCII)) {
    const plain = original.slice(at, index);
    add(plain, plain.toLowerCase(), at, 1);
    const bare = foldCharacter(character);
    add(bare, bare.toLowerCase(), index, 0);
    at = index + character.length;
  }
  const plain = original.slice(at);
  add(plain, plain.toLowerCase(), at, 1);
  origin.push(original.length);
  return { text: parts.join(''), cased: cased.join(''), origin: Uint32Array.from(origin) };
}

/** Small letters, of which sigma has one: JavaScript writes another one at a word's end. */
export function small(folded: string): string {
  return folded.toLowerCase().replaceAll('ς', 'σ');
}

/** Only the form with its capitals. */
export function foldKeepingCase(original: string): string {
  return NOT_ASCII.test(original) ? original.replace(EACH_NOT_ASCII, foldCharacter) : original;
}

const NOT_ASCII = /[^\0-\x7f]/;
const EACH_NOT_ASCII = /[^\0-\x7f]/gu;
/** Of Latin, Greek and Cyrillic letters; the marks of other scripts are letters of their own. */
const ACCENTS = /[\u0300-\u036f]/g;

/** Letters that capitals do not tell apart. */
const SAME: Readonly<Record<string, string>> = { ς: 'σ', ß: 'ss', ẞ: 'SS' };

const known = new Map<string, string>();
/** More different characters than these are not kept in mind. */
const MOST_KNOWN = 4096;

function foldCharacter(character: string): string {
  const found = known.get(character);
  if (found !== undefined) return found;
  const bare = character
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .replace(/[ςßẞ]/, (letter) => SAME[letter]!);
  if (known.size < MOST_KNOWN) known.set(character, bare);
  return bare;
}
