import { fold } from './fold.ts';
import { isLetter, isUnspaced, lookUpsOf, type LookUp } from './words.ts';

/** One word or phrase that is looked for. */
export interface Needle {
  /** Finds it in folded text; where it really begins and ends a word is `findAll`'s matter. */
  pattern: RegExp;
  /** It begins with a letter, so it has to begin a word or a part of one. */
  begins: boolean;
  /** What stands there has to end with it, too. */
  ends: boolean;
  /** What the index has if a text has it; empty: only the text itself tells. */
  terms: LookUp[];
}

/** Every one of `wanted` has to be there, none of `unwanted`. */
export interface Search {
  wanted: Needle[];
  unwanted: Needle[];
}

const LONGEST_QUERY = 500;
const MOST_NEEDLES = 16;
/** As short a word is not taken for the beginning of a longer one. */
const SHORT = 2;

/** A word as it is, or with what is in quotes, either after a minus. An open quote ends with the text. */
const ITEM = /(-(?=["\p{L}\p{N}]))?(?:"([^"]*)(?:"|$)|(\S+))/gu;

/** Reads what was typed: words (all of them), `"phrases"`, `-without`. A sentence for people when there is nothing to find. */
export function readSearch(typed: string): Search | { problem: string } {
  if (typed.length > LONGEST_QUERY) {
    return { problem: `it is longer than ${String(LONGEST_QUERY)} characters` };
  }
  const search: Search = { wanted: [], unwanted: [] };
  for (const [, minus, phrase, word] of typed.matchAll(ITEM)) {
    const needle = needleOf(phrase ?? word ?? '', phrase !== undefined);
    if (needle !== null) (minus === undefined ? search.wanted : search.unwanted).push(needle);
  }
  if (search.wanted.length + search.unwanted.length > MOST_NEEDLES) {
    return { problem: `it has more than ${String(MOST_NEEDLES)} words and phrases` };
  }
  if (!search.wanted.some(({ terms }) => terms.length > 0)) {
    return {
      problem:
        search.unwanted.length > 0
          ? 'there is no word to find, only words to leave out'
          : 'there is no word in it, only signs',
    };
  }
  return search;
}

function needleOf(words: string, quoted: boolean): Needle | null {
  const { text } = fold(words.trim());
  if (text === '') return null;
  const first = String.fromCodePoint(text.codePointAt(0)!);
  const last = text.slice(-1);
  return {
    pattern: new RegExp(
      text
        .split(/\s+/)
        .map(escaped)
        .join(String.raw`\s+`),
      'g',
    ),
    begins: isLetter(first),
    ends: (quoted || text.length <= SHORT) && isLetter(last) && !isUnspaced(text),
    terms: lookUpsOf(words.trim()),
  };
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
