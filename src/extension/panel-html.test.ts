import { expect, it } from 'vitest';
import { panelHtml } from './panel-html.ts';

const html = panelHtml({
  script: 'https://x.test/a.js?a=1&b="2"',
  style: 'https://x.test/a.css',
  cspSource: 'https://x.test',
  nonce: 'n0nce',
  language: 'en',
  element: 'nexus-app',
});

it('lets the page load its own files and nothing else', () => {
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]?.split('; ');
  expect(policy).toEqual([
    `default-src 'none'`,
    `script-src 'nonce-n0nce' https://x.test`,
    `style-src https://x.test 'unsafe-inline'`,
    'font-src https://x.test',
    'img-src https://x.test data:',
    `base-uri 'none'`,
    `form-action 'none'`,
  ]);
});

it('has the app, one script with the nonce, and addresses that cannot end their attribute', () => {
  expect(html).toContain('<nexus-app></nexus-app>');
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html).toContain('nonce="n0nce" src="https://x.test/a.js?a=1&amp;b=&quot;2&quot;"');
});
