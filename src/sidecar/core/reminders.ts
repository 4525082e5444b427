const TAG = /<(\/?)system-reminder>/g;

/**
 * Text without its `<system-reminder>` blocks. They nest (a reminder may quote a tool result that holds one), so depth
 * is counted. A tag without its partner is text: a file that mentions the tag must not lose what follows.
 */
export function stripReminders(text: string): string {
  let out = '';
  let keptFrom = 0;
  let depth = 0;
  let open = 0;
  let lastClose = 0;
  for (const tag of text.matchAll(TAG)) {
    const end = tag.index + tag[0].length;
    if (tag[1] === '') {
      if (depth === 0) open = tag.index;
      depth++;
    } else if (depth > 0) {
      depth--;
      lastClose = end;
      if (depth > 0) continue;
      out += text.slice(keptFrom, open);
      keptFrom = end;
    }
  }
  // More opened than closed: cut what was closed at all.
  if (depth > 0 && lastClose > open) {
    out += text.slice(keptFrom, open);
    keptFrom = lastClose;
  }
  return out + text.slice(keptFrom);
}
