import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BitReader, BitWriter, readPlaces, writePlaces } from './postings.ts';
import { joinSegments, piecesOf, placesIn, segmentFrom, segmentOf, without } from './segment.ts';

const idOf = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

const turns = fc
  .uniqueArray(
    fc.record({ n: fc.nat(2000), terms: fc.array(fc.stringMatching(/^[a-z]{1,4}$/), { maxLength: 30 }) }),
    { selector: ({ n }) => n, maxLength: 40 },
  )
  .map((all) => all.map(({ n, terms }) => ({ id: idOf(n), terms: new Set(terms) })));

const shape = (segment: ReturnType<typeof segmentOf>) => ({
  ids: segment.ids,
  places: Object.fromEntries([...segment.places].sort(([a], [b]) => (a < b ? -1 : 1))),
});

it('gives places back as they were', () => {
  const places = fc.uniqueArray(fc.nat(999), { minLength: 1 }).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.array(places, { maxLength: 20 }), (lists) => {
      const writer = new BitWriter();
      for (const list of lists) writePlaces(writer, list, 1000);
      const reader = new BitReader(writer.end());
      expect(lists.map(() => readPlaces(reader, 1000))).toEqual(lists);
    }),
  );
});

it('is the same after it was written and read', () => {
  fc.assert(
    fc.property(turns, (all) => {
      const segment = segmentOf(all);
      expect(shape(segmentFrom(segment.ids, piecesOf(segment)))).toEqual(shape(segment));
    }),
  );
});

it('joined of parts is as if it had been made at once', () => {
  fc.assert(
    fc.property(turns, fc.nat(40), (all, cut) => {
      const parts = [segmentOf(all.slice(0, cut)), segmentOf(all.slice(cut))];
      expect(shape(joinSegments(parts))).toEqual(shape(segmentOf(all)));
    }),
  );
});

it('without some requests has nothing of them', () => {
  fc.assert(
    fc.property(turns, fc.nat(40), (all, cut) => {
      const gone = new Set(all.slice(0, cut).map(({ id }) => id));
      expect(shape(without(segmentOf(all), gone))).toEqual(shape(segmentOf(all.slice(cut))));
    }),
  );
});

it('finds the places of terms by their beginning, in pieces of less than a quarter of a page', () => {
  const words = Array.from({ length: 4000 }, (_, n) => `w${((n * 2_654_435_761) % 1e9).toString(36)}`);
  const segment = segmentOf(
    Array.from({ length: 100 }, (_, n) => ({
      id: idOf(n),
      terms: words.filter((_word, at) => (at + n) % 17 === 0),
    })),
  );
  const pieces = piecesOf(segment);
  expect(pieces.length).toBeGreaterThan(3);
  expect(Math.max(...pieces.map(({ bytes }) => bytes.length))).toBeLessThan(1960);
  const some = words[17]!;
  const all = pieces.map(({ bytes }) => bytes);
  const expected = segment.ids.flatMap((_id, place) =>
    words.some((word, at) => (at + place) % 17 === 0 && word.startsWith(some.slice(0, 3))) ? [place] : [],
  );
  expect([...placesIn(all, 100, { term: some.slice(0, 3), whole: false })].sort((a, b) => a - b)).toEqual(
    expected,
  );
  expect([...placesIn(all, 100, { term: some, whole: true })].sort((a, b) => a - b)).toEqual(
    segment.places.get(some),
  );
  expect(placesIn(all, 100, { term: 'nothing', whole: false }).size).toBe(0);
});

it('refuses what is no list of places', () => {
  expect(() => readPlaces(new BitReader(new Uint8Array(1)), 8)).toThrow('too early');
  expect(() => readPlaces(new BitReader(new Uint8Array(8)), 8)).toThrow('no length');
  expect(() => readPlaces(new BitReader(Uint8Array.from([0, 255, 255])), 8)).toThrow('longer');
});
