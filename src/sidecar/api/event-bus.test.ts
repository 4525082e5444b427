import { expect, test } from 'vitest';
import { createEventBus, type EventBus } from './event-bus.ts';

function busWith(count: number): EventBus {
  const bus = createEventBus(3, 'ab12');
  for (let index = 1; index <= count; index++) {
    bus.publish({ name: 'exchange.recorded', ids: [String(index)] });
  }
  return bus;
}

/** What a subscriber that names `lastId` gets at once. */
function check(published: number, lastId: string | null, expected: string[]): void {
  const got: string[] = [];
  busWith(published).subscribe(
    lastId,
    ({ id, event }) => got.push(event.name === 'resync' ? `resync@${id}` : (event.ids[0] ?? '')),
    () => undefined,
  );
  expect(got).toEqual(expected);
}

test('what was missed is played again, else one resync', () => {
  check(3, 'ab12-1', ['2', '3']);
  check(3, 'ab12-3', []);
  check(3, 'ab12-0', ['1', '2', '3']);
  check(5, 'ab12-2', ['3', '4', '5']);
  // Too long ago, nothing named, another run, the future, not an id.
  check(5, 'ab12-1', ['resync@ab12-5']);
  check(5, null, ['resync@ab12-5']);
  check(5, 'cd34-5', ['resync@ab12-5']);
  check(5, 'ab12-6', ['resync@ab12-5']);
  check(5, 'nonsense', ['resync@ab12-5']);
});

test('subscribers hear what is new until they leave or the bus closes', () => {
  const bus = busWith(0);
  const heard: string[] = [];
  const leave = bus.subscribe(
    'ab12-0',
    ({ id }) => heard.push(id),
    () => heard.push('left-end'),
  );
  bus.subscribe(
    'ab12-0',
    () => undefined,
    () => heard.push('end'),
  );
  bus.publish({ name: 'status', ids: [] });
  leave();
  bus.publish({ name: 'status', ids: [] });
  bus.close();
  expect(heard).toEqual(['ab12-1', 'end']);
});
