import { expect, test } from 'vitest';
import { createMemoryFiles } from './memory-files.ts';

test('files in memory hand over what was written since, and hold it until it is released', async () => {
  const files = createMemoryFiles();
  const fd = files.create('/nowhere/a.nxj');
  const written = [Buffer.from('one'), Buffer.from('two'), Buffer.from('three')];
  const hand = (ended: boolean) =>
    files.handOver([{ id: 'a', size: 0, ended }]).map(({ added }) => ({
      from: added?.from,
      text: Buffer.from(added?.bytes ?? []).toString(),
    }));
  files.write(fd, written[0]!, 0, 0);
  files.write(fd, written[1]!, 1, 3);
  expect(hand(false)).toEqual([{ from: 0, text: 'onewo' }]);
  expect(hand(false)).toEqual([{ from: 5, text: '' }]);
  await files.writeLater(fd, written[2]!, 0, 5);
  files.close(fd);
  expect(await files.usage('/nowhere')).toBe(10);
  expect(hand(true)).toEqual([{ from: 5, text: 'three' }]);
  files.released(10);
  expect(await files.usage('/nowhere')).toBe(0);
  expect(() => files.write(fd, written[0]!, 0, 0)).toThrow('closed');
});

test('what is handed over can be transferred without taking anything else along', () => {
  const files = createMemoryFiles();
  const fd = files.create('a.nxj');
  const bytes = Buffer.from('pooled');
  files.write(fd, bytes, 0, 0);
  const [{ added } = { added: undefined }] = files.handOver([{ id: 'a', size: 6, ended: false }]);
  structuredClone(added, { transfer: [added!.bytes.buffer] });
  expect(bytes.toString()).toBe('pooled');
});
