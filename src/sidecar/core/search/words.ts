import { foldKeepingCase, small } from './fold.ts';

/** A term is the beginning of a word, or of a part of one: so many UTF-16 units at most. */
const LONGEST_TERM = 10;
/** Longer words are no words (base64, hashes in a row): only their beginning can be found. */
const LONGEST_IN_PARTS = 64;

const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const ASCII_WORD = /[A-Za-z0-9]+/g;
const NOT_ASCII = /[^\0-\x7f]/;
/** Scripts that put no spaces between words: found by their characters. */
const UNSPACED_SCRIPTS = String.raw`[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3099\u309a]`;
const UNSPACED = new RegExp(UNSPACED_SCRIPTS, 'u');
const RUNS = new RegExp(`${UNSPACED_SCRIPTS}+|(?:(?!${UNSPACED_SCRIPTS}).)+`, 'gu');
/** `uploadFile`, `HTTPServer`: a capital after a small letter or a digit, the last of several before a small letter. */
const PART_START = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu;
const HAS_CAPITAL = /\p{Lu}/u;

/**
 * Adds the terms of a text: of each word from the beginning of each of its parts on (`readFile`: `readfile`, `file`), so
 * that whatever begins like a part of a word is the beginning of a term. Of scripts without spaces, each two characters
 * that follow one another. Terms are UTF-8 bytes, a letter each: comparing them compares bytes.
 */
export function addTerms(text: string, terms: Set<string>): void {
  const folded = foldKeepingCase(text);
  const ascii = !NOT_ASCII.test(folded);
  for (const word of folded.match(ascii ? ASCII_WORD : WORD) ?? []) {
    if (ascii) addWord(word, terms, true);
    else for (const run of runsOf(word)) addRun(run, terms);
  }
}

/** What is looked up: terms that are `term`, or (not `whole`) begin with it. */
export interface LookUp {
  term: string;
  whole: boolean;
}

/**
 * What the index has of a text that has `words`, the last of which may go on there. Empty when there is no word in them.
 */
export function lookUpsOf(words: string): LookUp[] {
  const folded = foldKeepingCase(words);
  const found = new Map<string, LookUp>();
  const add = (characters: string, whole: boolean): void => {
    const term = bytesOf(characters);
    found.set(`${term} ${String(whole)}`, { term, whole });
  };
  for (const word of folded.matchAll(WORD)) {
    const goesOn = word.index + word[0].length === folded.length;
    const runs = runsOf(word[0]);
    for (const [index, run] of runs.entries()) {
      const characters = Array.from(run);
      if (!UNSPACED.test(run)) add(cut(small(run)), !goesOn || index < runs.length - 1);
      else if (characters.length === 1) add(run, false);
      else for (const pair of pairsOf(characters).slice(0, -1)) add(pair, true);
    }
  }
  return [...found.values()];
}

/** True where a word, or a part of one, begins at `at` of a text whose capitals are kept. */
export function beginsPart(text: string, at: number): boolean {
  if (at === 0) return true;
  const before = characterBefore(text, at);
  const here = characterAt(text, at);
  if (!isLetter(before) || !isLetter(here) || UNSPACED.test(before) || UNSPACED.test(here)) return true;
  if (!IS_CAPITAL.test(here)) return false;
  return (
    IS_SMALL_OR_DIGIT.test(before) ||
    (IS_CAPITAL.test(before) && IS_SMALL.test(characterAt(text, at + here.length)))
  );
}

/** True where a word, or a part of one, ends before `at`. */
export const endsPart = (text: string, at: number): boolean =>
  at >= text.length || !isLetter(characterAt(text, at)) || beginsPart(text, at);

const LETTER = /[\p{L}\p{N}\p{M}]/u;
const IS_CAPITAL = /^\p{Lu}/u;
const IS_SMALL = /^\p{Ll}/u;
const IS_SMALL_OR_DIGIT = /^[\p{Ll}\p{N}]/u;

/** A letter, digit or mark: what words are made of. */
export const isLetter = (character: string): boolean => LETTER.test(character);
/** True for what is found by its characters, having no spaces. */
export const isUnspaced = (text: string): boolean => UNSPACED.test(text);

const characterAt = (text: string, at: number): string => {
  const code = text.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
};
const characterBefore = (text: string, at: number): string => {
  const low = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff && at > 1 ? text.slice(at - 2, at) : text.slice(at - 1, at);
};

const runsOf = (word: string): string[] => (UNSPACED.test(word) ? (word.match(RUNS) ?? []) : [word]);

function addRun(run: string, terms: Set<string>): void {
  if (!UNSPACED.test(run)) addWord(run, terms, false);
  else for (const pair of pairsOf(Array.from(run))) terms.add(bytesOf(pair));
}

/** Each character with the one behind it; the last one alone. */
const pairsOf = (characters: string[]): string[] =>
  characters.map((character, index) => character + (characters[index + 1] ?? ''));

function addWord(word: string, terms: Set<string>, ascii: boolean): void {
  const plain = small(word);
  const term = cut(plain);
  terms.add(ascii ? term : bytesOf(term));
  if (word.length > LONGEST_IN_PARTS || plain === word || !HAS_CAPITAL.test(word.slice(1))) return;
  // A letter whose small form is longer would shift what stands behind it.
  const parts = word.split(PART_START);
  for (let part = 1; part < parts.length; part++) {
    const rest = cut(small(parts.slice(part).join('')));
    terms.add(ascii ? rest : bytesOf(rest));
  }
}

/** Never within a character. */
function cut(word: string): string {
  if (word.length <= LONGEST_TERM) return word;
  const last = word.charCodeAt(LONGEST_TERM - 1);
  return word.slice(0, last >= 0xd800 && last <= 0xdbff ? LONGEST_TERM - 1 : LONGEST_TERM);
}

const bytesOf = (term: string): string =>
  NOT_ASCII.test(term) ? Buffer.from(term).toString('latin1') : term;
