/**
 * Made-up text with about the entropy of source code and prose: a vocabulary of some thousand identifiers of which few
 * are common, in lines with the shapes of code. The same for the same seed, so that runs can be compared.
 */
export interface RandomText {
  /** 0 ≤ x < 1. */
  number(): number;
  /** `from` ≤ x ≤ `to`. */
  between(from: number, to: number): number;
  /** Letters and digits without any pattern, as ids and signatures have them. */
  token(length: number): string;
  prose(length: number): string;
  /** Lines of code with the numbers a file reader puts before them. */
  source(length: number): string;
}

const STEMS =
  'read write open close file path line token block chain node branch user order stock price cart item list index key value map set count total first last next previous start end begin stop parse print format check test build load store fetch send receive request response header body chunk stream buffer frame event state status error reason message session agent tool task query filter sort group merge split join find match replace insert remove update delete create copy move rename lock wait retry limit size length offset page cursor row column table schema type kind name label title text number string date time clock timer cache entry record journal batch queue worker thread process port host origin route handler option setting config default current active pending done failed'.split(
    ' ',
  );
const PROSE =
  'the a of to and in is it that this for with as was on are be by at from not or an have has but which when where then there here so if while because before after only still already also both each other same new old small large whole part way case place point line change reason result problem question answer now let me look see check run fix make need want know find keep leave'.split(
    ' ',
  );
const VOCABULARY = 4000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function randomText(seed: number): RandomText {
  let state = (Math.imul(seed, 2_654_435_761) + 12_345) >>> 0;
  // mulberry32: small, and good enough in all its bits.
  const number = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(number() * (to - from + 1));
  const pick = (words: readonly string[]): string => words[Math.floor(number() * words.length)]!;
  const token = (length: number): string => {
    let text = '';
    for (let index = 0; index < length; index++) text += ALPHABET[Math.floor(number() * ALPHABET.length)]!;
    return text;
  };
  const identifiers = Array.from({ length: VOCABULARY }, () => {
    const parts = Array.from({ length: between(1, 3) }, () => pick(STEMS));
    return parts.map((part, index) => (index === 0 ? part : part[0]!.toUpperCase() + part.slice(1))).join('');
  });
  // The cube makes the first words of the vocabulary common and most of them rare.
  const any = (): string => identifiers[Math.floor(number() ** 3 * VOCABULARY)]!;
  // A file speaks of a few things again and again.
  let local: string[] = [];
  const identifier = (): string => (number() < 0.8 && local.length > 0 ? pick(local) : any());
  const statement = (): string => {
    const [a, b, c, d] = [identifier(), identifier(), identifier(), identifier()];
    switch (between(0, 9)) {
      case 0:
        return `const ${a} = await ${b}.${c}(${d});`;
      case 1:
        return `if (${a} === null || ${b}.${c} > ${String(between(0, 999))}) return ${d};`;
      case 2:
        return `export function ${a}(${b}: ${capital(c)}): Promise<${capital(d)}> {`;
      case 3:
        return `import { ${a}, ${b} } from './${c}/${d}.ts';`;
      case 4:
        return `  ${a}: ${b}.map((${c}) => ${c}.${d}),`;
      case 5:
        return `// ${prose(between(30, 90))}`;
      case 6:
        return `throw new Error(\`${capital(pick(PROSE))} ${prose(25)} \${${a}}\`);`;
      case 7:
        return `${a}.${b} += ${c}(${d}, '${prose(between(8, 30))}');`;
      case 8:
        return '}';
      default:
        return `for (const ${a} of ${b}.${c}()) ${d}.push(${a});`;
    }
  };
  const prose = (length: number): string => {
    let text = capital(pick(PROSE));
    while (text.length < length) {
      const word = number() < 0.22 ? `\`${identifier()}\`` : number() < 0.3 ? pick(STEMS) : pick(PROSE);
      text += number() < 0.09 ? `. ${capital(pick(PROSE))}` : ` ${word}`;
    }
    return text.slice(0, length);
  };
  const source = (length: number): string => {
    local = Array.from({ length: 14 }, any);
    let text = '';
    for (let line = between(1, 400); text.length < length; line++) {
      text += `${String(line).padStart(6)}→${'  '.repeat(between(0, 3))}${statement()}\n`;
    }
    return text.slice(0, length);
  };
  return { number, between, token, prose, source };
}

const capital = (word: string): string => word[0]!.toUpperCase() + word.slice(1);
