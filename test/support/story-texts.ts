/** The words of the story in `story.ts`: a small project with a test that fails, and what is said about it. */

export const BROKEN_LINE = `  const stream = openStream(file);
  for (let attempt = 1; attempt <= attempts; attempt++) {`;

export const FIXED_LINES = `  for (let attempt = 1; attempt <= attempts; attempt++) {
    const stream = openStream(file);`;

export const LOGGED_LINES = `  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1) console.warn(\`upload: attempt \${attempt} of \${attempts}\`);
    const stream = openStream(file);`;

export const projectFiles: Record<string, string> = {
  'package.json': `${JSON.stringify({ name: 'uploader', private: true, type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'src/stream.js': `/** The parts of a file, 4 characters each. A stream is read once. */
export function* openStream(file) {
  for (let at = 0; at < file.length; at += 4) yield file.slice(at, at + 4);
}
`,
  'src/upload.js': `import { openStream } from './stream.js';

/** Sends a file part by part and tries again when sending fails. Answers how many attempts it took. */
export async function upload(file, send, attempts = 3) {
${BROKEN_LINE}
    try {
      for (const part of stream) await send(part);
      return attempt;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}
`,
  'test/upload.test.js': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { upload } from '../src/upload.js';

test('an upload that fails once arrives whole', async () => {
  let received = [];
  let broken = true;
  const attempts = await upload('a file of some size', async (part) => {
    if (received.length === 2 && broken) {
      broken = false;
      received = [];
      throw new Error('connection reset');
    }
    received.push(part);
  });
  assert.equal(attempts, 2);
  assert.equal(received.join(''), 'a file of some size');
});
`,
  'ci/last-failure.log': `run 4182 · linux · node 24
not ok 1 - an upload that fails once arrives whole
  expected 'a file of some size', got ''
  attempt 1: connection reset after 2 parts
  attempt 2: 0 parts sent, reported as success
run 4181 · linux · node 24
ok 1 - an upload that fails once arrives whole
`,
};

export const words = {
  fix: 'Fix the flaky upload test',
  firstThought:
    'A test that only fails on CI points at timing or at a retry. I should read the test before I guess.',
  firstLook: "I'll read the test and the code it exercises first.",
  suspect:
    'The retry loop looks suspicious: the stream is opened **once**, before the loop. Two things are worth checking side by side: who else opens a stream, and what CI saw.',
  explorePrompt:
    'Find every use of openStream under src/ and say who opens the stream, who reads it and how often. Answer with file and line only; change nothing.',
  exploreReport:
    '- `src/stream.js:2` defines it; a generator, so it can be read once.\n- `src/upload.js:5` opens it **outside** the retry loop.\n- `src/upload.js:8` reads it inside the loop, again on every attempt.',
  logPrompt:
    'Read ci/last-failure.log and tell what the failed runs have in common. Quote the lines that matter; change nothing.',
  logReport:
    'Only run 4182 failed. After `connection reset after 2 parts` the second attempt says `0 parts sent, reported as success`: the retry had nothing left to send.',
  conclusion:
    'Both reports agree: a generator is used up after the first attempt. Opening it in the loop fixes the cause.',
  plan: 'Both reports point at the same line. A generator can be read once, so the second attempt sends nothing and still calls it a success. I open the stream inside the loop:',
  runTests: 'Now the test that failed:',
  fixed: `The test passes, and for the right reason.

| | before | after |
|---|---|---|
| stream opened | once | once per attempt |
| parts sent on a retry | 0 | all |

**Cause.** \`openStream\` is a generator; the retry read an exhausted one.

\`\`\`js
for (let attempt = 1; attempt <= attempts; attempt++) {
  const stream = openStream(file);
  // …
}
\`\`\`

It only showed on CI because connections are rarely reset on your machine.`,
  followUp: 'Log the attempt number when a retry happens, so that we can see it on CI.',
  followUpPlan: 'One line at the top of the loop, silent on the first attempt:',
  followUpDone:
    'A retry now says `upload: attempt 2 of 3`. The first attempt stays silent, so a healthy run prints nothing.',
  fork: 'What would it look like if we gave up at the first error instead?',
  forkThought: 'Compare honestly: simpler code, but callers must retry.',
  forkAnswer: `Then the loop disappears and the caller decides:

\`\`\`js
export async function upload(file, send) {
  for (const part of openStream(file)) await send(part);
}
\`\`\`

Simpler, but every caller needs its own retry. I would keep the loop.`,
  goOn: 'Write the changelog entry for this.',
  changelog: '# Changelog\n\n- A retried upload sends the whole file again, and says which attempt it is.\n',
  goOnDone: 'Done: one line in `CHANGELOG.md`, written for people who use the uploader.',
};

export const SUMMARY = `<analysis>
The user asked for a repair of an unreliable test, then for a log line. Both are done.
</analysis>

<summary>
1. Primary request: make the upload test reliable. It failed on CI only, because a retry found an exhausted stream.
2. Key facts: openStream is a generator and can be read once; upload.js opened it outside its retry loop.
3. Files: src/upload.js was edited twice (the stream is opened per attempt; a retry logs its number). test/upload.test.js is unchanged and passes.
4. Pending: nothing. The user may ask for documentation next.
</summary>`;
