import { describe, expect, it } from 'vitest';
import { ProblemError } from '../client/unwrap.ts';
import { NexusFailure, advise, curesItself, troubleCode, troubleOf, type TroubleCode } from './problems.ts';

describe('advice', () => {
  it.each(troubleCode.options)('%s: a sentence, a button, a command of VS Code or of ours', (code) => {
    const { sentence, button, command, args } = advise({ code, detail: 'why' });
    expect(sentence).toMatch(/^[A-Z].*[.}]$/);
    expect(sentence.length).toBeLessThan(180);
    expect(button.split(' ').length).toBeLessThanOrEqual(3);
    expect(command).toMatch(/^(claudeNexus|workbench)\./);
    if (command === 'workbench.action.openSettings') expect(args[0]).toMatch(/^claudeNexus\.\w+$/);
  });

  it.each<[TroubleCode, string]>([
    ['port_in_use', 'claudeNexus.port'],
    ['data_dir_not_writable', 'claudeNexus.dataDir'],
    ['database_unavailable', 'claudeNexus.databaseUrl'],
    ['upstream_unreachable', 'claudeNexus.upstream'],
    ['switched_off', 'claudeNexus.enabled'],
  ])('%s leads to the setting %s', (code, setting) => {
    expect(advise({ code, detail: '' }).args).toEqual([setting]);
  });
});

it.each([
  [
    '--upstream (CLAUDE_API_BASE_URL): "http://x" would send credentials in the clear. Use https.',
    'claudeNexus.upstream',
    'the setting “upstream” cannot be used ("http://x" would send credentials in the clear).',
  ],
  [
    'DATABASE_URL: expected postgresql://',
    'claudeNexus.databaseUrl',
    'the setting “databaseUrl” cannot be used (expected postgresql://).',
  ],
])('%s leads to its setting', (detail, setting, said) => {
  expect(advise({ code: 'invalid_option', detail })).toMatchObject({ args: [setting], detail: said });
});

it('leaves hints for the command line to the log', () => {
  const detail = '127.0.0.1:80 is used by another program. Choose another with --port.';
  expect(advise({ code: 'port_in_use', detail }).detail).toBe('127.0.0.1:80 is used by another program.');
});

it.each<[TroubleCode, boolean]>([
  ['port_in_use', true],
  ['database_unavailable', true],
  ['invalid_option', false],
  ['newer_sidecar', false],
])('%s cures itself: %s', (code, expected) => {
  expect(curesItself(code)).toBe(expected);
});

it.each<[unknown, { code: TroubleCode; detail: string }]>([
  [new NexusFailure('crashed', 'gone'), { code: 'crashed', detail: 'gone' }],
  [
    new ProblemError('database_unavailable', 503, 'away', []),
    { code: 'database_unavailable', detail: 'away' },
  ],
  [new TypeError('fetch failed'), { code: 'internal', detail: 'fetch failed' }],
  [new DOMException('aborted', 'TimeoutError'), { code: 'not_answering', detail: 'aborted' }],
  ['odd', { code: 'internal', detail: 'odd' }],
])('the trouble of %s', (error, expected) => {
  expect(troubleOf(error, 'internal')).toEqual(expected);
});
