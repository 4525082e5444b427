/** Images larger than this are not drawn, only named. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024;

export type ImageCheck = { ok: true; mediaType: string; bytes: number } | { ok: false; why: string };

const SIGNATURES: [string, RegExp][] = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[\s\S]{4}WEBP/],
];

/** Judges a base64 image by its first bytes, never by what it says it is; only raster formats pass. */
export function checkImage(base64: string): ImageCheck {
  const bytes = Math.floor((base64.length * 3) / 4);
  if (bytes > MAX_IMAGE_BYTES) return { ok: false, why: 'The image is larger than 10 MB.' };
  if (!/^[A-Za-z0-9+/]{16}/.test(base64)) return { ok: false, why: 'The image is not base64.' };
  const start = atob(base64.slice(0, 16));
  const found = SIGNATURES.find(([, signature]) => signature.test(start));
  return found
    ? { ok: true, mediaType: found[0], bytes }
    : { ok: false, why: 'Only PNG, JPEG, GIF and WebP images are shown.' };
}
