import { describe, expect, it } from 'vitest';
import { matchTurn } from './match.ts';
import type { MessageText } from './message-texts.ts';
import { readSearch } from './query.ts';
import { snippetOf } from './snippet.ts';

const said = (text: string, more: Partial<MessageText> = {}): MessageText => ({
  role: 'user',
  kind: 'text',
  text,
  ...more,
});

/** The snippet with what was found between « and »; null: nothing was. */
function find(typed: string, ...texts: (string | MessageText)[]): string | null {
  const search = readSearch(typed);
  if ('problem' in search) throw new Error(search.problem);
  const match = matchTurn(
    texts.map((text) => (typeof text === 'string' ? said(text) : text)),
    search,
  );
  if (match === null) return null;
  const { text, spans } = snippetOf(match.text.text, match.spans);
  return spans.reduceRight(
    (marked, [from, to]) => `${marked.slice(0, from)}«${marked.slice(from, to)}»${marked.slice(to)}`,
    text,
  );
}

describe('what is found', () => {
  const check = (typed: string, text: string, marked: string | null): void => {
    expect(find(typed, text)).toBe(marked);
  };
  it.each<[string, string, string | null]>([
    ['error', 'Errors are no ERROR, terror is not', '«Error»s are no «ERROR», terror is not'],
    ['config', 'readConfigFile and reconfigure', 'read«Config»File and reconfigure'],
    ['is', 'isOk is this an issue', '«is»Ok «is» this an issue'],
    ['"file"', 'file files fileName', '«file» files «file»Name'],
    ['"the file"', 'the\n  file, the other file', '«the file», the other file'],
    ['src/upload.ts', 'in src/upload.ts and src/uploads', 'in «src/upload.ts» and src/uploads'],
    ['resume', 'Le RÉSUMÉ, résumé', 'Le «RÉSUMÉ», «résumé»'],
    ['résumé', 'resume', '«resume»'],
    ['stra', 'Straße', '«Stra»ße'],
    ['fi', 'ﬁ ﬁne', '«ﬁ» ﬁne'],
    ['索機', '検索機能', '検«索機»能'],
    ['100%', 'at 100% now', 'at «100%» now'],
    ['a.c', 'abc a.c', 'abc «a.c»'],
    ['$& a', 'a $& b', '«a» «$&» b'],
    ['--flag', 'with --flag on', 'with «--flag» on'],
    ['alpha -beta', 'alpha beta', null],
    ['alpha -"beta gamma"', 'alpha beta', '«alpha» beta'],
    ['alpha beta', 'alpha', null],
    ['"alpha', 'alpha', '«alpha»'],
  ])('%s in %s', check);

  it('all words in a turn, shown by the text that has most of them', () => {
    expect(find('alpha beta gamma', 'alpha', 'beta gamma', 'gamma')).toBe('«beta» «gamma»');
    expect(find('alpha', said('alpha in code', { kind: 'tool_result' }), said('alpha said'))).toBe(
      '«alpha» said',
    );
    expect(find('alpha -omega', 'alpha', 'omega')).toBeNull();
  });
});

it('does not look for ever within words', () => {
  expect(find('a', `${'a'.repeat(500_000)} a`)).toBeNull();
  expect(find('a', `${'ä'.repeat(5000)} a`)).toMatch(/«a»$/);
});

describe('a query that finds nothing', () => {
  it.each([
    ['', 'no word'],
    ['=> ()', 'only signs'],
    ['-alpha', 'only words to leave out'],
    ['x'.repeat(501), 'longer than 500'],
    ['a '.repeat(17), 'more than 16'],
  ])('%s', (typed, why) => {
    expect((readSearch(typed) as { problem: string }).problem).toContain(why);
  });

  it('takes whatever is typed for text', () => {
    for (const typed of ['(', '[a', 'a{1', '\\', '*a', '^$a', '"a\\"', 'a|b', '(?=a)', '\ud800a', 'a\0b']) {
      const search = readSearch(typed);
      if (!('problem' in search)) {
        expect(() => matchTurn([said('anything a')], search)).not.toThrow();
      }
    }
  });
});

describe('a snippet', () => {
  it('begins at a word and says where it was cut', () => {
    const text = `${'before '.repeat(40)}needle ${'after '.repeat(60)}`;
    const snippet = find('needle', text)!;
    expect(snippet).toMatch(/^…before (?:before )*«needle» (?:after )+/);
    expect(snippet).toMatch(/…$/);
    expect(snippet.length).toBeLessThan(260);
  });

  it('never cuts a character', () => {
    const text = `${'😀'.repeat(100)}needle${'😀'.repeat(200)}`;
    const { text: shown } = snippetOf(text, [[200, 206]]);
    expect(shown.isWellFormed()).toBe(true);
    expect(shown).toContain('needle');
  });

  it('is on one line', () => {
    expect(find('needle', 'a\n\n\tneedle\r\n  in\n hay')).toBe('a «needle» in hay');
  });
});
