import { expect, test } from 'vitest';
import { titleIn } from './titles.ts';

test.each([
  ['{"title": "Fix the upload test"}', 'Fix the upload test'],
  ['{"isNewTopic": true, "title": "Upload retries"}', 'Upload retries'],
  ['"isNewTopic": true, "title": "Behind a prefill"}', 'Behind a prefill'],
  ['```json\n{\n  "title" : "In a fence"\n}\n```', 'In a fence'],
  ['{"title":"Say \\"hello\\" \\u00e9"}', 'Say "hello" é'],
  ['{"title":"Cut where the preview en…', 'Cut where the preview en…'],
  ['{"title":"Cut in an escape \\', 'Cut in an escape…'],
  ['{"isNewTopic": false, "title": null}', null],
  ['{"title":"  "}', null],
  ['{"title":3}', null],
  ['Reply 2 from the fake upstream.', null],
  ['', null],
])('%s', (answer, title) => {
  expect(titleIn(answer)).toBe(title);
});
