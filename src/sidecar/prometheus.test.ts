import { expect, test } from 'vitest';
import { Counter, Histogram, prometheusText } from './prometheus.ts';

test('counters by labels, as text', () => {
  const counter = new Counter();
  counter.add({ path: 'messages', status: '2xx' });
  counter.add({ path: 'messages', status: '2xx' }, 2);
  counter.add({ path: 'a"b\\c\nd', status: '5xx' });
  const text = prometheusText([
    { name: 'requests_total', help: 'Requests.', type: 'counter', samples: counter.samples() },
    { name: 'nothing', help: 'No samples.', type: 'gauge', samples: [] },
    { name: 'up', help: 'One.', type: 'gauge', samples: [{ labels: {}, value: 1 }] },
  ]);
  expect(text).toBe(
    [
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{path="messages",status="2xx"} 3',
      'requests_total{path="a\\"b\\\\c\\nd",status="5xx"} 1',
      '# HELP up One.',
      '# TYPE up gauge',
      'up 1',
      '',
    ].join('\n'),
  );
});

test('a histogram counts what is at most its bound', () => {
  const histogram = new Histogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe({ path: 'messages' }, value);
  const shown = histogram.samples().map(({ suffix, labels, value }) => [suffix, labels['le'], value]);
  expect(shown).toEqual([
    ['_bucket', '0.1', 2],
    ['_bucket', '1', 3],
    ['_bucket', '+Inf', 4],
    ['_sum', undefined, 7.65],
    ['_count', undefined, 4],
  ]);
});
