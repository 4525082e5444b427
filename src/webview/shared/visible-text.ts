/**
 * Text from traffic is untrusted: characters that change how other text looks are shown, never obeyed.
 * Colour sequences are dropped (they only paint); every other control sequence becomes visible.
 */

const ESCAPE = String.fromCharCode(27);
const SGR = new RegExp(`${ESCAPE}\\[[0-9;:]*m`, 'g');
/** C0 and C1 controls except tab and line feed. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** Bidi marks, overrides and isolates, zero-width and other invisible characters, BOM, language tags. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}|[\ufff9-\ufffb]/gu;

function codePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** Bidi, zero-width and other invisible characters as `⟨U+202E⟩`; a joiner inside an emoji stays. */
export function showInvisible(text: string): string {
  return text.replace(INVISIBLE, (character, offset: number) =>
    belongsToEmoji(character, text, offset) ? character : codePoint(character),
  );
}

function belongsToEmoji(character: string, text: string, offset: number): boolean {
  if (character === '\u200d') return /^\p{Extended_Pictographic}/u.test(text.slice(offset + 1, offset + 3));
  if (character !== '\ufe0f') return false;
  return /[\p{Extended_Pictographic}#*0-9]$/u.test(text.slice(Math.max(0, offset - 2), offset));
}

/** Terminal output as plain text: CRLF as LF, colours dropped, other escapes as `␛`, overwritten lines kept. */
export function plainTerminal(text: string): string {
  return showInvisible(
    text
      .replaceAll('\r\n', '\n')
      .replace(SGR, '')
      .replace(CONTROL, (character) => {
        const code = character.charCodeAt(0);
        return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '␡' : codePoint(character);
      }),
  );
}

/** True when the text holds anything `plainTerminal` would change. */
export function hasHidden(text: string): boolean {
  return plainTerminal(text) !== text;
}
