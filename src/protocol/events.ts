import { z } from 'zod';

/** Names of the events of `GET /api/events`. An event carries ids, never content: whoever shows them asks again. */
export const eventName = z.enum([
  'exchange.started',
  'exchange.recorded',
  'conversation.changed',
  'conversation.deleted',
  'usage.changed',
  'prompts.changed',
  'analysis.changed',
  'credentials.changed',
  'alert',
  'status',
  'resync',
]);
export type EventName = z.infer<typeof eventName>;

/** `resync`: events were missed; whoever holds anything asks for everything again. */
export const nexusEvent = z.object({ name: eventName, ids: z.array(z.string()) });
export type NexusEvent = z.infer<typeof nexusEvent>;
