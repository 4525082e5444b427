import { expect, test } from 'vitest';
import { Trouble } from './trouble.ts';

test('says what is wrong once, and when it is over and caught up', () => {
  const said: string[] = [];
  let now = 1000;
  const trouble = new Trouble(
    (level, message, fields) => said.push(`${level} ${message} ${JSON.stringify(fields)}`),
    () => now,
  );
  trouble.recorded(0);
  trouble.over(0);
  expect(said).toEqual([]);
  trouble.begin('away', { code: 'x' });
  now = 3000;
  trouble.begin('away', { code: 'x' });
  expect([trouble.message, trouble.at]).toEqual(['away', 3000]);
  trouble.begin('wrong password');
  now = 5500;
  trouble.over(2);
  expect([trouble.message, trouble.at]).toEqual([null, null]);
  trouble.recorded(1);
  trouble.recorded(0);
  trouble.recorded(0);
  expect(said).toEqual([
    'warn away {"code":"x"}',
    'warn wrong password {}',
    'info Recording works again {"waiting":2,"after":"4.5 s"}',
    'info Recording has caught up {"exchanges":2,"after":"4.5 s"}',
  ]);
});

test('nothing waited: over and caught up are one moment', () => {
  const said: string[] = [];
  const trouble = new Trouble((_level, message) => said.push(message));
  trouble.begin('slow');
  trouble.over(0);
  expect(said).toEqual(['slow', 'Recording works again', 'Recording has caught up']);
});
