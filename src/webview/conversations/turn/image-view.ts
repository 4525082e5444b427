import { html, type TemplateResult } from 'lit';
import { formatBytes } from '../../../wording/numbers.ts';
import { disclosure } from './disclosure.ts';
import type { Block } from './blocks.ts';
import { checkImage } from './image-bytes.ts';
import { icon } from '../../shared/icon.ts';

/** An image, drawn when it is opened and only when its bytes are those of a raster format. Nothing is fetched. */
export function imageView(block: Extract<Block, { kind: 'image' }>): TemplateResult {
  const { data } = block;
  if (data === null) {
    return html`<p class="dim">
      ${icon('file-media', undefined, 'small')} Image not included${block.url ? `: ${block.url}` : ''}
    </p>`;
  }
  const check = checkImage(data);
  if (!check.ok) {
    return html`<p class="dim">${icon('file-media', undefined, 'small')} Image not shown. ${check.why}</p>`;
  }
  const name = check.mediaType.replace('image/', '').toUpperCase();
  return disclosure({
    summary: html`${icon('file-media')}<span>${name} image</span
      ><span class="dim">${formatBytes(check.bytes)}</span>`,
    content: () =>
      html`<img
        class="message-image"
        alt="${name} image from the conversation"
        src="data:${check.mediaType};base64,${data}"
      />`,
    open: check.bytes < 400_000,
    className: 'quiet',
  });
}
