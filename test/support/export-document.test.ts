import fc from 'fast-check';
import { marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { htmlText } from '../../src/sidecar/core/export/html-text.ts';
import { fenced, markdownText } from '../../src/sidecar/core/export/markdown-text.ts';
import { hostile } from '../webview/support/hostile-conversation.ts';
import { uploadTest } from '../webview/support/upload-test.ts';
import { exportDocument } from './export-document.ts';

const golden = (name: string): string => new URL(`../fixtures/exports/${name}`, import.meta.url).pathname;

describe.each(['md', 'html'] as const)('a conversation as %s', (format) => {
  it('is told by branch, with tools, thinking, errors and sub-tasks', async () => {
    const { detail, requests } = uploadTest();
    await expect(exportDocument(detail, requests, format)).toMatchFileSnapshot(
      golden(`upload-test.${format}`),
    );
  });

  it('stays a document whatever traffic says', async () => {
    const text = exportDocument(hostile.detail, hostile.requests, format);
    await expect(text).toMatchFileSnapshot(golden(`hostile.${format}`));
    expect(tagsOf(format === 'md' ? marked.parse(text, { async: false }) : text)).toEqual([]);
  });
});

/** Tags that run, load or lay something over the page, wherever a browser's parser would see them. */
function tagsOf(html: string): string[] {
  const withoutCode = html.replace(/<style>[^]*?<\/style>/, '');
  const loaded =
    /<(?:script|iframe|object|embed|form|svg|link|base|video|style|input|button)\b|<[^>]*\son\w+\s*=/gi;
  const images =
    /<img\b(?! alt="Image, [^"]*" src="data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*">)/gi;
  const links = /href="(?!#|https?:|[^":]*")/gi;
  return [loaded, images, links].flatMap((pattern) => withoutCode.match(pattern) ?? []);
}

describe('text in Markdown', () => {
  const check = (text: string, expected: string): void => {
    expect(markdownText(text)).toBe(expected);
  };
  it('keeps code and loses tags, images and links to scripts', () => {
    check('a <b> and `<b>` here', 'a &lt;b> and `<b>` here');
    check('1 < 2 <- 3', '1 < 2 <- 3');
    check('```html\n<b>\n```\n<b>', '```html\n<b>\n```\n&lt;b>');
    check('- one\n\n  ```js\n  <b>\n  ```\n', '- one\n\n  ```js\n  <b>\n  ```\n');
    check('![x](http://a/b.png)', '!&#91;x](http://a/b.png)');
    check('[x](javascript:alert(1)) [y](https://a)', '[x&#93;(javascript:alert(1)) [y](https://a)');
    check('[x]: javascript:alert(1)', '&#91;x]: javascript:alert(1)');
  });
  it('is not fooled about what is code', () => {
    check('a `\n` <b> `', 'a `\n` &lt;b> `');
    check('\\` <b> `', '\\` &lt;b> `');
    check('\\<b>', '\\&lt;b>');
    // Closed, so that what follows in the document is not code.
    check('~~~\n<b>', '~~~\n<b>\n~~~');
    // The list, and with it the fence, ends with a line that is indented less.
    check('- a\n  ```\n<b>\n  ```', '````markdown\n- a\n  ```\n<b>\n  ```\n````');
    check('> ```\n<b>', '````markdown\n> ```\n<b>\n````');
  });
  it('never becomes a tag, whatever it is made of', () => {
    const piece = fc.constantFrom(
      ...[
        '<b>',
        '<script>',
        '`',
        '``',
        '```',
        '~~~',
        '\n',
        '\n\n',
        '  ',
        '    ',
        '\t',
        '> ',
        '- ',
        '1. ',
        '# ',
      ],
      ...[
        '\\',
        'x',
        '[a]',
        '(javascript:b)',
        '!',
        '[',
        '](',
        ': ',
        '|',
        '---',
        '<!--',
        '-->',
        '&lt;',
        '<a href=x>',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const text = `${markdownText(pieces.join(''))}\n\n**after**\n`;
        const html = marked.parse(text, { async: false });
        expect(html).not.toMatch(/<b>|<script|<!--|<a href="?(?:x|javascript)|<img/i);
        expect(html).toContain('<strong>after</strong>');
      }),
      { numRuns: 3000 },
    );
  });
  it('is fenced by more backticks than it has', () => {
    expect(fenced('a ```` b', 'js')).toBe('`````js\na ```` b\n`````');
  });
});

it('text in HTML has no tags but ours, closed in order', () => {
  const piece = fc.constantFrom(
    '<b>',
    '"',
    "'",
    '&',
    '`',
    '```',
    '\n',
    '\n\n',
    '- ',
    '# ',
    '**',
    'x',
    '<script>',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const open: string[] = [];
      for (const [, close, name] of htmlText(pieces.join('')).matchAll(/<(\/?)([^>]*)>/g)) {
        expect(['p', 'ul', 'li', 'h4', 'pre', 'code', 'strong']).toContain(name);
        if (close === '') open.push(name!);
        else expect(open.pop()).toBe(name);
      }
      expect(open).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});
