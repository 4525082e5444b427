import { messageOf, streamOf, text } from '../support/messages.ts';
import { randomOf, type Random } from './random.ts';

/** The header that carries a plan to the upstream; the sidecar records it with the others. */
export const PLAN_HEADER = 'x-durability-plan';

/** What the upstream does with one request. Everything follows from it, so that what must be stored is known. */
export interface Plan {
  /** Names the exchange within a run. */
  n: number;
  seed: number;
  stream: boolean;
  gzip: boolean;
  /** Words in the answer. */
  words: number;
  /** Between two writes of the upstream, ms. */
  gapMs: number;
  /** What goes wrong: nothing, an error status, or the upstream's connection breaks off in the middle. */
  fault: 'none' | 'status' | 'break';
  /** The client leaves after so many bytes; 0: it stays. */
  leaveAfter: number;
}

/** A mix: mostly streams, a third compressed, some large, a few that fail or are left. */
export function planOf(n: number, random: Random): Plan {
  const stream = random.chance(0.7);
  return {
    n,
    seed: random.whole(1, 2 ** 31),
    stream,
    gzip: random.chance(0.3),
    words: random.chance(0.1) ? random.whole(2000, 20_000) : random.whole(5, 300),
    gapMs: stream ? random.whole(0, 15) : 0,
    fault: random.chance(0.05) ? 'status' : random.chance(0.03) ? 'break' : 'none',
    leaveAfter: random.chance(0.04) ? random.whole(1, 3000) : 0,
  };
}

/** Nothing goes wrong and nobody leaves: every exchange has to be there in the end. */
export function plainPlan(n: number, random: Random): Plan {
  return {
    n,
    seed: random.whole(1, 1e9),
    stream: true,
    gzip: false,
    words: random.whole(10, 300),
    gapMs: 1,
    fault: 'none',
    leaveAfter: 0,
  };
}

/** The answer of a plan: its status and the content, decoded, as the upstream writes it. */
export function answerOf(plan: Plan): { status: number; type: string; parts: Buffer[] } {
  if (plan.fault === 'status') {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    return { status: 529, type: 'application/json', parts: [Buffer.from(JSON.stringify(error))] };
  }
  const random = randomOf(plan.seed);
  const said = proseOf(random, plan.words);
  const reply = {
    id: `msg_durability_${String(plan.n)}`,
    content: [text(said)],
    usage: { input_tokens: random.whole(1, 5000), output_tokens: plan.words },
  };
  if (!plan.stream) {
    return { status: 200, type: 'application/json', parts: [Buffer.from(JSON.stringify(messageOf(reply)))] };
  }
  const whole = Buffer.from(streamOf(reply).join(''));
  const parts: Buffer[] = [];
  // Cut anywhere, also within a character.
  for (let from = 0; from < whole.length;) {
    const size = random.whole(20, Math.max(200, Math.ceil(whole.length / 12)));
    parts.push(whole.subarray(from, from + size));
    from += size;
  }
  return { status: 200, type: 'text/event-stream', parts };
}

const WORDS = [
  'stream',
  'retry',
  'naïve',
  'größe',
  '日本語',
  'the',
  'of',
  '🙂',
  'buffer',
  'upload',
  'once',
  'again',
];

export function proseOf(random: Random, words: number): string {
  const said: string[] = [];
  for (let count = 0; count < words; count++) said.push(WORDS[random.whole(0, WORDS.length - 1)]!);
  return said.join(' ');
}
