import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchTurn } from './match.ts';
import { readSearch, type Search } from './query.ts';
import { addTerms, lookUpsOf } from './words.ts';

const check = (text: string, terms: string[]): void => {
  const found = new Set<string>();
  addTerms(text, found);
  expect([...found].map((term) => Buffer.from(term, 'latin1').toString()).sort()).toEqual(terms.toSorted());
};

describe('the terms of a text', () => {
  it.each<[string, string[]]>([
    ['Fix the upload, please.', ['fix', 'the', 'upload', 'please']],
    ['readConfigFile', ['readconfig', 'configfile', 'file']],
    ['HTTPServer2Go', ['httpserver', 'server2go', 'go']],
    ['read_config src/upload.test.ts', ['read', 'config', 'src', 'upload', 'test', 'ts']],
    ['Résumé ＡＢＣ ﬁn', ['resume', 'abc', 'fin']],
    ['検索機能', ['検索', '索機', '機能', '能']],
    ['API検索', ['api', '検索', '索']],
    ['x'.repeat(30), ['x'.repeat(10)]],
    [`aB${'c'.repeat(80)}`, ['abcccccccc']],
    ['=> 42 !', ['42']],
    ['', []],
  ])('%s', check);
});

describe('what is looked up', () => {
  it.each<[string, string[]]>([
    ['src/upload.ts', ['src', 'upload', 'ts…']],
    ['configFile', ['configfile…']],
    ['return (', ['return']],
    ['検索機', ['検索', '索機']],
    ['検', ['検…']],
    ['検索API', ['検索', 'api…']],
    ['=>', []],
  ])('%s', (words, terms) => {
    const found = lookUpsOf(words).map(
      ({ term, whole }) => `${Buffer.from(term, 'latin1').toString()}${whole ? '' : '…'}`,
    );
    expect(found).toEqual(terms);
  });
});

/** Letters of many kinds, signs, and words as they are in code. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(
        'uploadFile',
        'HTTPServer',
        'read_config',
        'src/a.ts',
        'é',
        '検索',
        'İ',
        'ß',
        'ﬁ',
        '한국어',
        '42',
        ' ',
      ),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

const isFound = (document: string, typed: string): boolean => {
  const terms = new Set<string>();
  addTerms(document, terms);
  const search = readSearch(typed) as Search;
  const inIndex = search.wanted
    .flatMap((needle) => needle.terms)
    .every(({ term: sought, whole }) =>
      [...terms].some((term) => (whole ? term === sought : term.startsWith(sought))),
    );
  return inIndex && matchTurn([{ role: 'user', kind: 'text', text: document }], search) !== null;
};

it('a sharp s is two in capitals', () => {
  expect(isFound('Läßt sich das beheben?', 'LÄSST')).toBe(true);
  expect(isFound('STRASSE', 'Straße')).toBe(true);
});

it('a capital sigma at the end of a word is the small one of its middle', () => {
  expect(isFound('ΟΔΟΣ', 'οδος')).toBe(true);
  expect(isFound('οδος', 'ΟΔΟΣ')).toBe(true);
});

describe('a document', () => {
  it('is found by any of its words, however they are written', () => {
    fc.assert(
      fc.property(text, fc.nat(), fc.boolean(), (document, which, loud) => {
        const words = document.normalize('NFKC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
        const word = words[which % Math.max(1, words.length)];
        fc.pre(word !== undefined && lookUpsOf(word).length > 0);
        expect(isFound(document, loud ? word.toLowerCase() : word)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('that has what is looked for is where the index says', () => {
    fc.assert(
      fc.property(text, text, (document, typed) => {
        const search = readSearch(typed);
        fc.pre(!('problem' in search));
        const match = matchTurn([{ role: 'user', kind: 'text', text: document }], search);
        if (match !== null) expect(isFound(document, typed)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
