import { Agent, request as send } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { assistant, turn, user } from '../support/messages.ts';
import { PLAN_HEADER, planOf, proseOf, type Plan } from './plan.ts';
import { randomOf, type Random } from './random.ts';

/** One exchange as its client saw it. */
export interface Sent {
  plan: Plan;
  body: Buffer;
  /** From the response's head; null when there was none. */
  id: string | null;
  status: number | null;
  /** The response as it came, still compressed. */
  received: Buffer;
  /** The client has the last byte of the response. */
  completed: boolean;
  /** It went away by itself. */
  left: boolean;
  /** From sending to the first and to the last byte, ms; NaN where none came. */
  firstMs: number;
  totalMs: number;
  at: number;
}

export interface Clients {
  sent: Sent[];
  /** No new exchanges; resolves when those under way are over. */
  finish(): Promise<void>;
}

export interface ClientOptions {
  streams: number;
  seed: number;
  /** Where to send to now; null while nobody is there. */
  baseUrl: () => string | null;
  /** Between two exchanges of one stream, ms at most. */
  pauseMs?: number;
  /** A plan of the caller's making. */
  plan?: (n: number, random: Random) => Plan;
}

/** Clients that talk at the same time, each in conversations of its own that grow turn by turn. */
export function startClients(options: ClientOptions): Clients {
  const sent: Sent[] = [];
  let finished = false;
  const stream = async (index: number): Promise<void> => {
    const random = randomOf(options.seed * 1000 + index);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let messages: unknown[] = [];
    let conversation = 0;
    while (!finished) {
      const baseUrl = options.baseUrl();
      if (baseUrl === null) {
        await wait(20);
        continue;
      }
      if (messages.length === 0) conversation++;
      // Now and then something large is read: a file, a log.
      const words = random.chance(0.05) ? random.whole(5_000, 150_000) : random.whole(3, 400);
      messages.push(user(proseOf(random, words)));
      const plan = (options.plan ?? planOf)(sent.length + 1, random);
      const session = `durability-${String(options.seed)}-${String(index)}-${String(conversation)}`;
      const body = Buffer.from(JSON.stringify(turn(session, messages, { stream: plan.stream })));
      const exchange = newSent(plan, body);
      sent.push(exchange);
      await exchangeOnce(agent, baseUrl, exchange);
      if (exchange.completed && plan.fault === 'none' && messages.length < 40) {
        messages.push(assistant(`The answer to ${String(plan.n)}.`));
      } else {
        messages = [];
      }
      await wait(random.whole(0, options.pauseMs ?? 30));
    }
    agent.destroy();
  };
  const all = Promise.all(Array.from({ length: options.streams }, (_, index) => stream(index)));
  return {
    sent,
    async finish() {
      finished = true;
      await all;
    },
  };
}

function newSent(plan: Plan, body: Buffer): Sent {
  return {
    plan,
    body,
    id: null,
    status: null,
    received: Buffer.alloc(0),
    completed: false,
    left: false,
    firstMs: Number.NaN,
    totalMs: Number.NaN,
    at: performance.now(),
  };
}

/** Sends one request and reads its answer as far as it comes. Never rejects. */
function exchangeOnce(agent: Agent, baseUrl: string, exchange: Sent): Promise<void> {
  return new Promise((resolve) => {
    const { plan, body } = exchange;
    const request = send(new URL(`${baseUrl}/v1/messages`), {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        'x-api-key': 'sk-ant-made-up-for-durability',
        [PLAN_HEADER]: JSON.stringify(plan),
      },
    });
    const parts: Buffer[] = [];
    const over = (): void => {
      exchange.received = Buffer.concat(parts);
      resolve();
    };
    request.on('error', over);
    request.on('response', (response) => {
      exchange.id = String(response.headers['x-nexus-request-id'] ?? '');
      exchange.status = response.statusCode ?? null;
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        if (parts.length === 0) exchange.firstMs = performance.now() - exchange.at;
        parts.push(chunk);
        size += chunk.length;
        if (plan.leaveAfter === 0 || size < plan.leaveAfter || exchange.left) return;
        exchange.left = true;
        request.destroy();
      });
      response.on('error', over);
      response.on('end', () => {
        exchange.completed = response.complete && !exchange.left;
        exchange.totalMs = performance.now() - exchange.at;
        over();
      });
      response.on('close', over);
    });
    request.end(body);
  });
}
