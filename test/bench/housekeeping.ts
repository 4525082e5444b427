/**
 * How long deleting a conversation takes, and how long reads wait meanwhile.
 * `node test/bench/housekeeping.ts [turns] [pglite|postgresql]`
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { conversationQuery } from '../../src/protocol/queries.ts';
import { createTestDatabase, postgresServers } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, toolResult, toolUse, turn, user } from '../support/messages.ts';
import { startRecording } from '../support/recording.ts';

const turns = Number(process.argv[2] ?? 1000);
const engine = process.argv[3] === 'postgresql' ? 'postgresql' : 'pglite';
const servers = postgresServers();
const made = await createTestDatabase(engine, servers);
const recording = startRecording(made);
try {
  await measure();
} finally {
  await recording.close();
  await made.remove();
  await servers.close();
}

async function measure(): Promise<void> {
  let at = Date.now() - 86_400_000;
  const messages: unknown[] = [user('the same first words')];
  const begun = performance.now();
  for (let n = 0; n < turns; n++) {
    const answer = [
      text(`I look at file ${String(n)}. ${words(n)}`),
      toolUse(`t${String(n)}`, 'Read', { n }),
    ];
    recording.write({
      at: (at += 1000),
      body: turn('long', messages),
      response: { headers: SSE, chunks: streamOf({ content: answer }) },
    });
    messages.push(assistant(answer), user([toolResult(`t${String(n)}`, words(n + 0.5))]));
    if (n % 50 === 49) await recording.recorder.drain();
  }
  // Another conversation has the system prompt and the tools in common.
  recording.write({
    at: at + 1000,
    body: turn('other', [user('something else')]),
    response: { headers: SSE, chunks: streamOf({ content: [text('x')] }) },
  });
  await recording.recorder.drain();
  print('recording', performance.now() - begun);
  const { conversations } = await recording.read('listConversations', conversationQuery.parse({}));
  const doomed = conversations.find((row) => row.requestCount === turns)!;
  let before = performance.now();
  const report = await recording.read('getStorage');
  print('storage report', performance.now() - before);
  process.stdout.write(`${JSON.stringify({ ...report, database: undefined })}\n`);
  for (const table of report.database.tables) process.stdout.write(`${JSON.stringify(table)}\n`);

  const waits: number[] = [];
  const over = new AbortController();
  before = performance.now();
  const reads = (async () => {
    while (!over.signal.aborted) {
      const asked = performance.now();
      await recording.read('listConversations', conversationQuery.parse({ limit: 20 }));
      waits.push(performance.now() - asked);
      await sleep(3);
    }
  })();
  const answer = await recording.command('deleteConversation', doomed.conversationId);
  for (;;) {
    const { housekeeping } = await recording.read('getStorage');
    if (housekeeping.task === null) break;
    await sleep(100);
  }
  print('deletion', performance.now() - before);
  over.abort();
  await reads;
  waits.sort((a, b) => a - b);
  process.stdout.write(`${JSON.stringify(answer)} ${recording.logs.join(' | ')}\n`);
  process.stdout.write(
    `reads meanwhile: ${String(waits.length)}, p50 ${ms(waits[waits.length >> 1]!)}, p99 ${ms(waits[Math.floor(waits.length * 0.99)]!)}, max ${ms(waits.at(-1)!)}\n`,
  );
  before = performance.now();
  await recording.command('vacuum');
  print('vacuum', performance.now() - before);
}

function words(seed: number): string {
  let state = Math.floor(seed * 2_654_435_761) >>> 0 || 1;
  return Array.from({ length: 60 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8).toString(36);
  }).join(' ');
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
function print(what: string, value: number): void {
  process.stdout.write(`${what}: ${ms(value)}\n`);
}
