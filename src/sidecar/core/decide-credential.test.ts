import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideCredential, type CredentialQuestion, type RefusalReason } from './decide-credential.ts';

/** A bare `serve` on loopback, nothing stored, a client with its own credential. */
const plain: CredentialQuestion = {
  file: 'none',
  proof: 'none',
  clientAuth: true,
  loopback: true,
  carriesClientKey: false,
};

function check(given: Partial<CredentialQuestion>, expected: 'stored' | 'own' | RefusalReason): void {
  const decision = decideCredential({ ...plain, ...given });
  expect(decision.use === 'none' ? decision.why : decision.use).toBe(expected);
}

describe('the matrix of API.md', () => {
  test('(1) a file and proof: the stored credential', () => {
    check({ file: 'usable', proof: 'client-key', carriesClientKey: true }, 'stored');
    check({ file: 'usable', proof: 'client-key', carriesClientKey: true, loopback: false }, 'stored');
    check({ file: 'usable', proof: 'client-key', carriesClientKey: true, clientAuth: false }, 'stored');
    check({ file: 'usable', proof: 'path-key' }, 'stored');
    check({ file: 'usable', proof: 'path-key', clientAuth: false }, 'stored');
  });
  test('(2) a file without proof: refused, or the own credential where authentication is off', () => {
    check({ file: 'usable' }, 'no-proof');
    check({ file: 'usable', loopback: false }, 'no-proof');
    check({ file: 'usable', proof: 'path-key', loopback: false }, 'no-proof');
    check({ file: 'usable', carriesClientKey: true }, 'no-proof');
    check({ file: 'usable', clientAuth: false }, 'own');
    check({ file: 'usable', clientAuth: false, carriesClientKey: true }, 'key-of-another');
    check({ file: 'usable', clientAuth: false, loopback: false }, 'no-proof');
  });
  test('(3) no file: the own credential on loopback, refused beyond', () => {
    check({}, 'own');
    check({ proof: 'path-key' }, 'own');
    check({ clientAuth: false }, 'own');
    check({ carriesClientKey: true }, 'key-of-another');
    check({ proof: 'client-key', carriesClientKey: true }, 'key-of-another');
    check({ loopback: false }, 'no-file');
    check({ loopback: false, clientAuth: false }, 'no-file');
    check({ loopback: false, proof: 'client-key', carriesClientKey: true }, 'no-file');
  });
  test('a broken file is a file: it opens nothing', () => {
    check({ file: 'broken', proof: 'client-key', carriesClientKey: true }, 'broken-file');
    check({ file: 'broken', proof: 'path-key' }, 'broken-file');
    check({ file: 'broken' }, 'no-proof');
    check({ file: 'broken', loopback: false }, 'no-proof');
    check({ file: 'broken', clientAuth: false }, 'own');
  });
});

const anyQuestion = fc.record<CredentialQuestion>({
  file: fc.constantFrom('none', 'usable', 'broken'),
  proof: fc.constantFrom('client-key', 'path-key', 'none'),
  clientAuth: fc.boolean(),
  loopback: fc.boolean(),
  carriesClientKey: fc.boolean(),
});

describe('under any configuration', () => {
  const always = (holds: (question: CredentialQuestion, use: string) => boolean): void => {
    fc.assert(
      fc.property(anyQuestion, (question) => holds(question, decideCredential(question).use)),
      { numRuns: 2000 },
    );
  };
  test('no stored credential without a usable file and proof', () => {
    always(
      ({ file, proof, loopback }, use) =>
        use !== 'stored' ||
        (file === 'usable' && (proof === 'client-key' || (proof === 'path-key' && loopback))),
    );
  });
  test('a key of ours never passes, and beyond loopback nothing of a client does', () => {
    always(({ loopback, carriesClientKey }, use) => use !== 'own' || (loopback && !carriesClientKey));
  });
  test('switching client authentication off never opens a stored credential', () => {
    always(
      (question, use) =>
        use !== 'stored' || decideCredential({ ...question, clientAuth: true }).use === 'stored',
    );
  });
});
