import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSecrets } from './redact-find.ts';
import { secretKinds } from './redact-kinds.ts';
import { redactText } from './redact.ts';

/** Made up, and put together here so that no scanner of repositories takes them for real. */
const chars = (count: number): string => 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7'.repeat(20).slice(0, count);
const base64 = (count: number): string => `${chars(count - 2)}==`;
const upper = (count: number): string => chars(count).toUpperCase();
const begin = (label: string): string => `-----BEGIN ${label}-----`;
const end = (label: string): string => `-----END ${label}-----`;
const keyLines = [base64(64), base64(64), base64(20)];

/** For each kind: what must be masked (`‹›` around the secret), and what must be left as it is. */
const examples: Record<string, { masks: string[]; leaves: string[] }> = {
  pem: {
    masks: [
      `x ${begin('RSA PRIVATE KEY')}‹\n${keyLines.join('\n')}\n›${end('RSA PRIVATE KEY')} y`,
      `${begin('PRIVATE KEY')}‹\r\n${keyLines.join('\r\n')}\r\n›${end('PRIVATE KEY')}`,
      `{"key":"${begin('EC PRIVATE KEY')}‹\\n${keyLines.join('\\n')}\\n›${end('EC PRIVATE KEY')}\\n","b":1}`,
      `{"in":"{\\"key\\":\\"${begin('PRIVATE KEY')}‹\\\\n${keyLines.join('\\\\n')}\\\\n›${end('PRIVATE KEY')}\\"}"}`,
      `${begin('OPENSSH PRIVATE KEY')}‹\n  ${keyLines.join('\n  ')}\n  ›${end('OPENSSH PRIVATE KEY')}`,
      `${begin('RSA PRIVATE KEY')}‹\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${keyLines[0]}\n›${end('RSA PRIVATE KEY')}`,
      `${begin('PGP PRIVATE KEY BLOCK')}‹\nVersion: 1\n\n${keyLines.join('\n')}\n›${end('PGP PRIVATE KEY BLOCK')}`,
      `cut: ${begin('PRIVATE KEY')}‹\n${keyLines[0]}\n${keyLines[1]}›`,
      `"${begin('PRIVATE KEY')}‹\\n${keyLines[0]}\\n${chars(9)}›", "next": "value"`,
    ],
    leaves: [
      `a file that starts with ${begin('PRIVATE KEY')} holds a key`,
      `if (text.includes('${begin('PRIVATE KEY')}') && text.includes('${end('PRIVATE KEY')}')) refuse();`,
      `${begin('CERTIFICATE')}\n${keyLines.join('\n')}\n${end('CERTIFICATE')}`,
      `${begin('PUBLIC KEY')}\n${keyLines[0]}\n${end('PUBLIC KEY')}`,
    ],
  },
  'anthropic-key': {
    masks: [`key sk-ant-‹api03-${chars(20)}_-x›.`, `ANTHROPIC_API_KEY=sk-ant-‹oat01-${chars(90)}›`],
    leaves: ['the sk-ant- prefix', 'sk-ant-… and sk-ant-<key>'],
  },
  'nexus-key': { masks: [`cnp_live_‹${chars(43)}›`], leaves: ['cnp_live_', 'cnp_live_short'] },
  'openai-key': {
    masks: [
      `sk-proj-‹${chars(60)}›`,
      `sk-svcacct-‹${chars(40)}_-›`,
      `sk-or-v1-‹${chars(64)}›`,
      `"sk-‹${chars(48)}›"`,
      `\\nsk-‹${chars(48)}›`,
      `key%3Dsk-‹${chars(48)}›`,
    ],
    leaves: ['task-force-of-the-very-long-name', `disk-${chars(40)}`, 'sk-proj-x', `sk-${'a'.repeat(40)}`],
  },
  bearer: {
    masks: [
      'Authorization: Bearer ‹abcdef.ghijkl-mn›',
      'authorization: bearer  ‹abc123def456›',
      'Bearer%20‹a1b2c3d4e5›',
      "curl -H 'Authorization: Bearer ‹made-up+token/1=›'",
      `Bearer ‹${'abcdefghij'.repeat(3)}›`,
    ],
    leaves: [
      'Bearer of news',
      'Bearer authentication is used.',
      'the bearer certificate.',
      'Bearer $TOKEN_OF_MINE',
      'Bearer <your-token>',
      'forbearer made-up-token1',
    ],
  },
  basic: {
    masks: ['Basic ‹dXNlcjpwYXNzd29yZA==›', 'basic ‹bWFkZTp1cDEyMzQ1Ng==›'],
    leaves: ['Basic authentication', 'basic needs', 'basic src/sidecar/core', 'Visual Basic programming'],
  },
  'github-token': {
    masks: [
      ...['p', 'o', 'u', 's', 'r'].map((x) => `gh${x}_‹${chars(36)}›`),
      `github_pat_‹${chars(22)}_${chars(59)}›`,
    ],
    leaves: ['ghp_short', 'github_pat_', 'high_level_of_the_words'],
  },
  'gitlab-token': { masks: [`glpat-‹${chars(20)}›`], leaves: ['glpat-x'] },
  'google-key': {
    masks: [`AIza‹${chars(35)}›`, `?key%3DAIza‹${chars(35)}›`],
    leaves: ['AIza', `${chars(30)}AIza${chars(60)}`],
  },
  'google-token': { masks: [`ya29.‹${chars(60)}›`], leaves: ['ya29.short'] },
  'google-secret': { masks: [`GOCSPX-‹${chars(28)}›`], leaves: ['GOCSPX-'] },
  'slack-token': {
    masks: ['xoxb-‹1234567890-abc›', `xoxp-‹${chars(40)}›`, `xapp-‹1-${chars(40)}›`],
    leaves: ['xoxo, mother', 'xox-'],
  },
  'slack-webhook': {
    masks: [
      'https://hooks.slack.com/services/‹T000/B000/xyz›',
      String.raw`https:\/\/hooks.slack.com\/services\/‹T000\/B000\/xyz›`,
    ],
    leaves: ['https://hooks.slack.com/', 'hooks.slack.com/services/'],
  },
  'aws-key': {
    masks: [
      `AKIA‹${upper(16)}›`,
      `X=1\\nASIA‹${upper(16)}›`,
      `aws_secret_access_key = ‹${base64(40)}›`,
      `{"SecretAccessKey":"‹${base64(40)}›","b":1}`,
      `"{\\"secretAccessKey\\": \\"‹${base64(40)}›\\"}"`,
      `AWS_SESSION_TOKEN=‹${base64(200)}›`,
      String.raw`"aws_secret_access_key":"‹${chars(20)}\/${chars(18)}\u002B›"`,
    ],
    leaves: [
      `AKIA${upper(10)}`,
      `AKIA${upper(30)}`,
      `${chars(20)}AKIA${upper(16)}`,
      'aws_secret_access_key = var.key',
    ],
  },
  'stripe-key': {
    masks: [
      ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'].map((x) => `${x}‹${chars(24)}›`),
      `whsec_‹${chars(32)}›`,
    ],
    leaves: ['sk_live_', 'task_test_of_this'],
  },
  'npm-token': {
    masks: [`npm_‹${chars(36)}›`, '//registry.example/:_authToken=‹made-up-1234›', '_password=‹bWFkZXVw›'],
    leaves: ['npm_config_cache_directory_of_the_user', '_authToken=${NPM_TOKEN}'],
  },
  'pypi-token': { masks: [`pypi-‹${chars(80)}›`], leaves: ['pypi-server'] },
  'huggingface-token': { masks: [`hf_‹${chars(34)}›`], leaves: ['hf_hub_download', `shelf_${chars(40)}`] },
  'sendgrid-key': { masks: [`SG.‹${chars(22)}.${chars(43)}›`], leaves: ['MSG.some.thing', 'SG.a.b'] },
  jwt: {
    masks: [`eyJ‹${chars(30)}.eyJ${chars(60)}.${chars(43)}›`, `eyJ‹${chars(20)}.eyJ${chars(20)}›`],
    leaves: ['eyJ', `eyJ${chars(200)}`, `${chars(9)}eyJ${chars(20)}.eyJ${chars(20)}`],
  },
  'url-password': {
    masks: [
      'postgresql://me:‹pa55›@host/db',
      'redis://:‹pa55›@host',
      'mongodb+srv://me:‹p@ss*word›@a.example,b.example/x',
      String.raw`"https:\/\/me:‹p\u0026w›@host"`,
      'https://x-access-token:‹made-up›@github.example/a.git',
    ],
    leaves: [
      'https://host:8080/x@y',
      'postgres://me:${PASSWORD}@host',
      'postgres://me:<password>@host',
      '{"a":"http://one:80","b":"me@host"}',
      `{"a":"x://y:","b":"z@"}`,
      'postgres://user@host',
    ],
  },
  password: {
    masks: [
      'jdbc:x://h/db?user=u&password=‹pa55›',
      'Server=x;Pwd=‹pa55›;',
      'PGPASSWORD=‹pa55› psql',
      'a&amp;password=‹pa55›',
    ],
    leaves: ['PASSWORD=$1', 'the password=', 'PASSWORD="${x}"', 'if (password=check(x))'],
  },
};

const plain = (example: string): string => example.replace(/[‹›]/g, '');
const masked = (example: string): string => example.replace(/‹[^›]*›/g, '****');

it('has examples of every kind', () => {
  expect(Object.keys(examples).sort()).toEqual([...new Set(secretKinds.map(({ kind }) => kind))].sort());
  for (const { masks, leaves } of Object.values(examples)) {
    expect(masks.length).toBeGreaterThan(0);
    expect(leaves.length).toBeGreaterThan(0);
  }
});

describe.each(Object.entries(examples))('%s', (kind, { masks, leaves }) => {
  it.each(masks)('masks %s', (example) => {
    expect(redactText(plain(example))).toEqual({ text: masked(example), kinds: [kind] });
    expect(redactText(masked(example))).toEqual({ text: masked(example), kinds: [] });
  });

  // At an even and at an odd position: the search looks at every second one only.
  it.each(masks)('finds %s anywhere', (example) => {
    for (const before of [' ', '  ', 'é ', '{"a":"', '語\n']) {
      expect(redactText(before + plain(example)).text).toBe(before + masked(example));
    }
  });

  it.each(leaves)('leaves %s', (example) => {
    expect(redactText(example)).toEqual({ text: example, kinds: [] });
  });
});

describe('the table', () => {
  it('lists every hint of what its patterns begin with', () => {
    for (const { hints } of secretKinds) {
      for (const hint of hints) expect(hint.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('changes nothing the second time, and never throws', () => {
    const hints = fc.constantFrom(...secretKinds.flatMap(({ hints: list }) => list));
    const parts = fc.constantFrom(
      begin('PRIVATE KEY'),
      end('PRIVATE KEY'),
      ' ',
      '\n',
      '\\n',
      '@',
      '"',
      'x',
      chars(40),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(hints, parts, fc.string({ maxLength: 8 })), { maxLength: 14 }),
        (list) => {
          const once = redactText(list.join('')).text;
          expect(redactText(once).text).toBe(once);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('does not exhaust the stack of a regular expression', () => {
    // One class, repeated 30 million times without a bound, throws.
    const long = `sk-ant-${'a'.repeat(30_000_000)}`;
    expect(findSecrets(long)[0]).toMatchObject({ kind: 'anthropic-key', from: 7 });
  });
});
